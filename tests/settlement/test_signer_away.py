"""A signer that is away holds up what it would sign, and nothing else; nothing is skipped or sent twice when it is back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from settlement_programme import Programme

from token_service.chain.services import ChainServices, Signer
from token_service.chain.settlement.lanes import read_lane
from token_service.chain.settlement.patience import SECONDS_MAX, SignerPatience
from token_service.errors import SignerUnavailable
from token_service.protocol.transactions import Transaction
from token_service.units import EntryKind
from token_service.worker import Worker, WorkerServices


@dataclass
class Away:
    """Signs, unless it is told to be away; counts who asked."""

    signer: Signer
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        self.asked.append(address)
        if self.is_away:
            raise SignerUnavailable("gone")
        return self.signer.sign_transaction(address, transaction)


def worker_of(services: ChainServices, signer: Away) -> Worker:
    chain = replace(services, make_signer=lambda contract: signer)
    return Worker(WorkerServices(chain=chain, batch_seconds=0))


def test_what_is_signed_becomes_final_and_what_is_not_keeps_its_place(programme: Programme) -> None:
    signer, seconds = Away(programme.services.signer()), [0.0]
    programme.services = replace(programme.services, monotonic=lambda: seconds[0])
    worker, alice = worker_of(programme.services, signer), programme.member()

    def passes(count: int) -> None:
        for _ in range(count):
            seconds[0] += SECONDS_MAX
            worker.run_pass(flush=True)

    first = programme.record(alice, EntryKind.ISSUANCE, 100)
    worker.run_pass(flush=True)
    signer.is_away = True
    second = programme.record(alice, EntryKind.ISSUANCE, 20)
    order = programme.order("register_party", party=9, name="Bar", ceiling_points=1000, period_seconds=86_400)
    passes(4)
    with programme.store.read() as connection:
        lane = read_lane(connection, 0)
    assert (programme.leaf(first).state, programme.leaf(second).state) == ("final", "accepted")
    assert (lane.state, lane.next_seq, programme.operation(order).state) == ("active", 2, "accepted")
    signer.is_away = False
    passes(6)
    assert programme.leaf(second).state == "final"
    assert programme.operation(order).state == "final"
    assert programme.balance(alice) == 120
    assert [batch.seq for batch in programme.batches()] == [1, 2]


def test_a_signer_that_is_away_is_asked_less_and_less_often_and_each_step_by_itself() -> None:
    patience, asked = SignerPatience(), []

    def away() -> int:
        asked.append(now)
        raise SignerUnavailable("gone")

    for now in range(21):
        assert patience.attempt("lane 0", float(now), away) == 0
        assert patience.attempt("lane 1", float(now), lambda: 1) == 1
    assert asked == [0, 1, 2, 4, 8, 13, 18]
    assert patience.attempt("lane 0", 23.0, lambda: 3) == 3
    assert patience.attempt("lane 0", 23.0, lambda: 3) == 3
