"""A second process that works on the same SQLite ledger: run by test_concurrency with what it should do as its
arguments.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ledger_town import ADMIN, Clock, Town, make_context

from token_service.custody.key_ring import open_keys
from token_service.errors import CallerError
from token_service.ledger.context import Actor
from token_service.ledger.merchants import find_merchant
from token_service.ledger.store import open_store


def main(url: str, keys_folder: str, work: str, member_id: str, times: str) -> None:
    """Does `work` that many times and prints how often it was accepted."""
    keys, clock = open_keys(Path(keys_folder)), Clock()
    context = make_context(open_store(url), keys, clock)
    alice = find_merchant(context, ADMIN, "Alice")
    assert alice is not None
    town = Town(context, clock, keys, Actor.merchant(alice.id), Actor.merchant(alice.id))
    accepted = 0
    for number in range(int(times)):
        try:
            outcome = do(town, work, member_id, number)
        except CallerError:
            continue
        accepted += not outcome.replayed
    context.store.dispose()
    sys.stdout.write(str(accepted))


def do(town: Town, work: str, member_id: str, number: int) -> object:
    """One call. Both processes and all threads use the same references for purchases, and their own for the rest."""
    if work == "buy":
        return town.buy(member_id, 1_000, reference=f"shared-{number}")
    own = f"{id(town)}-{number}"
    if work == "redeem":
        return town.redeem(member_id, 7, reference=own)
    return town.issue(member_id, 7, reference=own)


if __name__ == "__main__":
    main(*sys.argv[1:])
