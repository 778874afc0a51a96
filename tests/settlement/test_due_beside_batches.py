"""What falls due beside settlement: a night in which very much is due keeps no batch waiting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from settlement_programme import ADMIN, Programme
from sqlalchemy import update
from test_merging_on_chain import give

from token_service import worker as module
from token_service.ledger import due_members
from token_service.ledger.balances import get_balance
from token_service.ledger.tables import lots
from token_service.worker import Worker

pytestmark = pytest.mark.usefixtures("quiet_log")


def test_a_pass_does_some_of_what_is_due_and_settles_before_it_goes_on(
    own_programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DUE_CHUNKS", 4)
    monkeypatch.setattr(due_members, "CHUNK", 1)
    people = [own_programme.member() for _ in range(5)]
    for member in people:
        give(own_programme, member, 7)
    own_programme.settle(timeout_seconds=0.5)
    past = own_programme.services.now() - timedelta(hours=1)
    with own_programme.store.write() as connection:
        connection.execute(update(lots).values(expires_at=past))
    worker, context = Worker(own_programme.worker()), own_programme.services.context
    left, on_chain = [], []
    for _ in range(2):
        assert worker.run_pass(flush=True), "whoever has more to do does not pause"
        left.append(sum(get_balance(context, ADMIN, member).available == 7 for member in people))
        on_chain.append(sum(own_programme.balance(member) for member in people) // 7)
    assert left == [3, 0], "two chunks looked for holds and awards; each pass goes on where the last one stopped"
    assert on_chain == left, "each pass settled what it did"
