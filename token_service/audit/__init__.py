"""The independent verifier: `run_audit` for a whole programme, `verify_receipt` and `verify_promise` for one member's
proof.

Shares no code with what it audits but `protocol` and `program`, and installs with the base dependencies alone.
"""
