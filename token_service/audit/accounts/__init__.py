"""Every account replayed from its opened leaves, with nothing but the programme's rules (CONTRACT §3 "With openings").

`books.py` takes batch after batch; `account.py` is what it remembers of an account and `storage.py` where; each other file
checks one topic: awards, tiers, lots, refunds, redemptions, what people did by hand, references, voids.
"""
