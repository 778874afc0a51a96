"""What operations cost, measured the same way on any chain."""

from __future__ import annotations

from contract_program import (
    DAY,
    NO_LIMIT,
    Program,
    admin,
    alice,
    bind,
    bob,
    entry,
    redeem,
)

from token_service.protocol.hashing import keccak256

SIZES = (1, 10, 50, 200)
ISSUERS_INTERLEAVED = 10


def member(number: int) -> str:
    """An address that looks like any other."""
    return "0x" + keccak256(b"member %d" % number)[12:].hex()


def points(number: int) -> int:
    """1 … 100,000, two or three bytes."""
    return 1 + int.from_bytes(keccak256(b"points %d" % number)[:8]) % 100_000


def measure(program: Program) -> dict[str, dict[str, int]]:
    """Gas of each operation by number of entries. The program must be fresh."""
    program.settle([])  # the operator's word and the batch's fixed slots exist
    program.settle([entry(alice, kind, 1000) for kind in (1, 2, 3)])  # so do the totals
    for party in range(2, 2 + ISSUERS_INTERLEAVED):
        program.send(admin, "registerParty", party, f"Merchant {party}", NO_LIMIT, DAY)
    program.settle([entry(alice, 1, 5, party=party) for party in range(2, 2 + ISSUERS_INTERLEAVED)])
    measured = {"issue_new": {}, "issue_existing": {}, "redeem": {}, "expire": {}, "issue_ten_issuers": {}}
    first = 0
    for size in SIZES:
        members = range(first, first + size)
        first += size
        batches = {
            "issue_new": [entry(member(n), 1, 100_000 + points(n)) for n in members],
            "issue_existing": [entry(member(n), 1, points(n)) for n in members],
            "redeem": [entry(member(n), 2, points(n), party=1) for n in members],
            "expire": [entry(member(n), 3, points(n) // 2 + 1) for n in members],
            "issue_ten_issuers": [entry(member(n), 1, points(n), party=2 + n % ISSUERS_INTERLEAVED) for n in members],
        }
        for name, words in batches.items():
            measured[name][str(size)] = program.settle(words).gas_used
    program.settle([entry(alice, 1, 1000)])
    bind(program, alice, bob)
    redeem(program, bob, 10)
    measured["redeem_with_signature"] = {"1": redeem(program, bob, 100).gas_used}
    return measured
