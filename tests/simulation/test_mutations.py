"""The simulation finds mistakes: settlement with a known bad rule in it fails some seed, by the invariant that it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from fake_node import Faults
from plan import BUDGETS, plan_of
from simulation import Failed, run
from sqlalchemy import Connection, update

from token_service.chain import contract_logs
from token_service.chain.services import ChainServices
from token_service.chain.settlement import bumping, finality, lanes, planning, reverts, tracking
from token_service.ledger import gas_spending
from token_service.ledger.settlement_tables import batches, transactions

Mutate = Callable[[pytest.MonkeyPatch], None]


def bind_again(patch: pytest.MonkeyPatch) -> None:
    """A nonce that is used and has no receipt: "it was replaced", so the batch gets another nonce. The worst rule there is."""

    def requeue(connection: Connection, row: Any, ceiling: object) -> None:
        connection.execute(update(transactions).where(transactions.c.id == row.id).values(state="reverted"))
        mine = update(batches).where(batches.c.id == row.batch_id, batches.c.state == "planned")
        connection.execute(mine.values(state="reverted"))

    patch.setattr(tracking, "_is_foreign", lambda services, row: True)
    patch.setattr(tracking, "_halt", requeue)


def plan_blindly(patch: pytest.MonkeyPatch) -> None:
    """A batch is stored although the lane is not as it was read."""
    store = planning._store

    def blind(connection: Connection, draft: planning.Draft, now: Any) -> int:
        patch.setattr(lanes, "lock_lane", lambda connection, number: draft.lane)
        return store(connection, draft, now)

    patch.setattr(planning, "_store", blind)


def trust_the_height(patch: pytest.MonkeyPatch) -> None:
    """A block is final because of its height, whatever its hash."""
    patch.setattr(finality, "_is_canonical", lambda services, nodes, cursor: True)
    patch.setattr(finality, "_called_final", lambda nodes: [None])
    patch.setattr(finality, "_agreed_height", lambda services, nodes, called, head: head - 1)


def trust_ranges(patch: pytest.MonkeyPatch) -> None:
    """A node that lags answers a range of logs, and what is missing is not missed."""
    patch.setattr(contract_logs, "_left_out", lambda *_: [])


def send_first(patch: pytest.MonkeyPatch) -> None:
    """Signed bytes go to the node before they are stored."""
    draft = planning._draft

    def sent(services: ChainServices, *given: Any) -> planning.Draft:
        made = draft(services, *given)
        services.failpoint("push.before_send")
        services.node.request("eth_sendRawTransaction", ["0x" + made.signed.raw.hex()])
        return made

    patch.setattr(planning, "_draft", sent)


def spend_blindly(patch: pytest.MonkeyPatch) -> None:
    """The day's budget is looked at before signing, and not again when that is stored."""

    def store(services: ChainServices, place: str, lane: Any, wei: int, work: Any, **_: Any) -> Any:
        return services.commit(place, work)

    for each in (planning, reverts, bumping):
        patch.setattr(each, "commit_spending", store)


def forget_reorganisations(patch: pytest.MonkeyPatch) -> None:
    """What a batch cost counts as known before its block is final."""
    patch.setattr(gas_spending, "MAY_STILL_COST", ("signed", "sent"))


EAGER = {"workers": 3, "switch": 0.1, "crash": 0.0, "busy": 0.0, "signer_fails": 0.0, "skew_seconds": 0, "steps": 60}


def fails(mutate: Mutate, seeds: Iterable[int], **changes: Any) -> str:
    """Why the first of these seeds fails that does, with the bad rule in the engine; "" if none does."""
    for seed in seeds:
        with pytest.MonkeyPatch.context() as patch:
            mutate(patch)
            try:
                run(replace(plan_of(seed), **changes))
            except Failed as error:
                return str(error)
    return ""


def test_bytes_that_are_sent_before_they_are_stored_are_noticed() -> None:
    assert "sent that is not stored" in fails(send_first, range(10))


def test_two_batches_under_one_number_are_noticed() -> None:
    assert "UNIQUE constraint failed: batches.operator, batches.seq" in fails(plan_blindly, range(40), **EAGER)


def test_a_block_that_is_called_final_too_early_is_noticed() -> None:
    assert "(I9)" in fails(trust_the_height, range(10))


def test_a_batch_that_gets_a_second_nonce_is_noticed() -> None:
    """The contract's sequence keeps it from being paid twice: the lane then waits for a batch that has landed, or for a nonce
    that nobody has signed."""
    faults = Faults(no_receipt=0.5, lost_after=0.2)
    chosen: dict[str, Any] = {
        "faults": faults,
        "batch_entries_max": 1,
        "in_flight_max": 4,
        "troubles": ("forget", "sleep"),
    }
    found = fails(bind_again, range(60), **{**EAGER, **chosen})
    assert "out_of_sequence" in found or "nonce is" in found


def test_a_log_that_is_left_out_is_noticed() -> None:
    chosen: dict[str, Any] = {"faults": Faults(stale=0.3), "batch_entries_max": 1, "troubles": ("spike",)}
    found = fails(trust_ranges, range(60), **{**EAGER, **chosen})
    assert "(I7)" in found or "(I10)" in found


def test_lanes_that_spend_the_same_room_of_the_budget_are_noticed() -> None:
    chosen = {"lanes": 2, "switch": 0.3, "batch_entries_max": 4, "gas_budget": BUDGETS[0], "troubles": ("spike",)}
    assert "the budget is" in fails(spend_blindly, range(20), **{**EAGER, **chosen})


def test_a_budget_that_a_reorganisation_makes_dearer_is_noticed() -> None:
    chosen = {"lanes": 2, "batch_entries_max": 1, "gas_budget": BUDGETS[1], "troubles": ("reorg", "spike")}
    assert "the budget is" in fails(forget_reorganisations, range(30), **{**EAGER, **chosen})
