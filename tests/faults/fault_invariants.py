"""I1 to I12 of the design's settlement reference, after the faults have stopped: tills, ledger, wire and chain compared, each
read beside the engine."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import rlp
from sqlalchemy import select
from town import MAX_FEE_GWEI, Town

from token_service.chain.reconciling import reconcile_all
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.settlement_tables import attempts, batches, lanes, leaves, transactions
from token_service.ledger.tables import debts, operations
from token_service.protocol.calldata import decode_settle
from token_service.units import WEI_PER_GWEI
from token_service.worker import wait_until_settled

SETTLED_WITHIN_SECONDS = 60
KINDS = ("purchase", "redemption", "refund")


def look_before_a_repair(town: Town) -> None:
    """What only this ledger knows is looked at while it is there; what is final in it must be final in the restored one."""
    last = Auditor(town)
    town.final |= last.final()
    last.attempts_are_alike_and_were_written_first()
    town.node_wire.raws.clear()


class Auditor:
    """The town remembers what was final the last time, so that nothing final is ever anything else (I9)."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def all_holds(self) -> None:
        """Waits until everything is final, then compares."""
        self._everything_becomes_final()
        self._nothing_final_changed()
        self._every_answer_is_in_the_ledger()
        self._each_batch_landed_once()
        self._nonces_and_sequences_have_no_gap()
        self.attempts_are_alike_and_were_written_first()
        self._fees_stay_below_the_ceiling()
        self._ledger_and_chain_agree()

    def audited(self) -> str:
        """What `mereau audit` says at the end, with the openings that the operator gives an auditor; fails unless all holds."""
        deployment = self.town.deployment
        words = ["--rpc", self.town.anvil.url, "--contract", self.town.contract, "--receipts", deployment.url]
        done = deployment.run("audit", *words, "--block", "latest")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip().splitlines()[-1]

    def rows(self, statement: Any) -> list[Any]:
        with self.town.books.store.read() as connection:
            return list(connection.execute(statement))

    def _everything_becomes_final(self) -> None:
        left = wait_until_settled(self.town.books.store, self.town.books.context.now, SETTLED_WITHIN_SECONDS)
        states = Counter(row.state for row in self.rows(select(leaves.c.state)))
        stood = [(row.number, row.state, row.reason) for row in self.rows(select(lanes))]
        assert left.is_settled, f"not settled: {left}, {stood} (I10)\n{self.town.deployment.log()[-3000:]}"
        assert set(states) <= {"final"}, f"{states} (I10)"
        assert {state for _, state, _ in stood} == {"active"}, f"{stood} (I11)"

    def final(self) -> dict[str, tuple[object, ...]]:
        """Where each final leaf is settled: operator, sequence, position."""
        placed = select(leaves.c.id, batches.c.operator, batches.c.seq, leaves.c.position).join(batches)
        return {row.id: tuple(row)[1:] for row in self.rows(placed.where(leaves.c.state == "final"))}

    def _nothing_final_changed(self) -> None:
        now = self.final()
        for leaf, was in self.town.final.items():
            assert now.get(leaf) == was, f"{leaf} was final as {was} and is {now.get(leaf)} (I9)"
        self.town.final = now

    def _every_answer_is_in_the_ledger(self) -> None:
        """Every operation that a till was told of is there, under its reference; and there is none that no till knows."""
        answered = Counter((one.kind, one.id) for one in self.town.journal.answered)
        assert max(answered.values(), default=1) == 1, "two references got one operation (I8)"
        there = set(self._operations())
        assert set(answered) == there, f"lost {set(answered) - there}, unknown {there - set(answered)} (I1, I3)"

    def _operations(self) -> list[tuple[str, str]]:
        wanted = select(operations.c.kind, operations.c.id).where(operations.c.kind.in_(KINDS))
        return [(row.kind, row.id) for row in self.rows(wanted)]

    def _canonical(self) -> list[Any]:
        """(operator, seq, root) of every batch that the chain's own blocks executed."""
        calls = [(one, decode_settle(bytes.fromhex(one["input"][2:]))) for one in self._sent_to_the_contract()]
        return [
            (one["from"].lower(), call.seq, call.receipts_root)
            for one, call in calls
            if call is not None and self._succeeded(one)
        ]

    def _sent_to_the_contract(self) -> list[Any]:
        request, contract = self.town.anvil.request, self.town.contract.lower()
        blocks = range(1, self.town.anvil.block_number() + 1)
        found = (one for number in blocks for one in request("eth_getBlockByNumber", hex(number), True)["transactions"])
        return [one for one in found if str(one["to"]).lower() == contract]

    def _succeeded(self, sent: Any) -> bool:
        return int(self.town.anvil.request("eth_getTransactionReceipt", sent["hash"])["status"], 16) == 1

    def _each_batch_landed_once(self) -> None:
        landed = self._canonical()
        assert len(landed) == len(set(landed)), "a batch was applied twice (I2)"
        planned = {(row.operator.lower(), row.seq, row.receipts_root) for row in self.rows(select(batches))}
        assert set(landed) == planned, "the chain's batches are not the ledger's (I1, I2)"

    def _nonces_and_sequences_have_no_gap(self) -> None:
        nonces, seqs = defaultdict(list), defaultdict(list)
        for row in self.rows(select(transactions)):
            nonces[row.operator].append(row.nonce)
        for row in self.rows(select(batches)):
            seqs[row.operator].append(row.seq)
        for lane in self.rows(select(lanes)):
            lost = self._used_in_a_lost_time(lane.operator, set(nonces[lane.operator]))
            found = sorted([*nonces[lane.operator], *lost])
            assert found == list(range(lane.next_nonce)), f"{lane.operator}: {found} (I4)"
            assert sorted(seqs[lane.operator]) == list(range(1, lane.next_seq)), f"{lane.operator} (I4)"

    def _used_in_a_lost_time(self, operator: str, known: set[int]) -> list[int]:
        """Nonces that only the chain knows: of transactions that failed in a time which a restored ledger has lost, or brought a
        batch that it knew to a block."""
        if not self.town.restores:
            return []
        mine = (one for one in self._sent_to_the_contract() if one["from"].lower() == operator.lower())
        return [nonce for one in mine if (nonce := int(one["nonce"], 16)) not in known]

    def attempts_are_alike_and_were_written_first(self) -> None:
        raws = {bytes(row.raw) for row in self.rows(select(attempts))}
        unknown = [raw for raw in self.town.node_wire.raws if raw not in raws]
        assert not unknown, f"{len(unknown)} transactions were sent that are not in the ledger (I6)"
        bodies = defaultdict(set)
        for row in self.rows(select(attempts).where(attempts.c.raw != b"")):  # a repair has no bytes, and needs none
            bodies[row.transaction_id].add(_payload(bytes(row.raw)))
        assert all(len(found) == 1 for found in bodies.values()), "attempts of one nonce differ (I5)"

    def _fees_stay_below_the_ceiling(self) -> None:
        highest = max((row.max_fee_per_gas for row in self.rows(select(attempts))), default=0)
        assert highest <= MAX_FEE_GWEI * WEI_PER_GWEI, f"{highest} wei were offered (I12)"

    def _ledger_and_chain_agree(self) -> None:
        books = self.town.books
        found = [
            one for _, some in reconcile_all(books.context, self.town.anvil.node, self.town.contract) for one in some
        ]
        assert not found, f"{found} (I7)"
        assert check_rebuild(books.context) == []
        supply = int(
            self.town.anvil.request("eth_call", {"to": self.town.contract, "data": "0x18160ddd"}, "latest"), 16
        )
        owed = sum(row.points for row in self.rows(select(debts)))
        assert supply - owed == self.town.journal.points(), (
            "points were lost or doubled between the tills and the chain (I7)"
        )


def _payload(raw: bytes) -> tuple[Any, ...]:
    """What must not differ between attempts: nonce, receiver, value, calldata."""
    fields = rlp.decode(raw[1:])
    return (fields[1], fields[5], fields[6], fields[7])
