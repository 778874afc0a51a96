"""Writing into a restored, older ledger what the chain and the receipt files say of the time after it (CONTRACT §2 "repair").

A batch is one transaction: its rows, its leaves, and for each leaf that opens the operation, the entry or fact, the lots and
debts that follow from its detail. What does not open is entered by its points alone and listed. Figures are rebuilt from that.
"""
