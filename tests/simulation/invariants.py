"""What holds at every moment, and what holds at the end: I1 … I12 of the design's settlement reference.

Read with plain SQL, beside the engine, and compared with the chain's own blocks, beside its nodes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from blocks import gas_price
from contract_model import DAY
from keys import OPERATORS, address, understood
from ledger_entries import Tills
from world import World

from token_service.chain.reconciling import reconcile_all
from token_service.protocol.calldata import decode_settle
from token_service.units import WEI_PER_GWEI, EntryKind

CREDITS = {int(kind) for kind in EntryKind if kind.sign > 0}
SPENT = """select transactions.*, max(attempts.gas * attempts.max_fee_per_gas) as most from transactions
           join attempts on attempts.transaction_id = transactions.id where purpose = 'batch' group by transactions.id"""
MICROSECONDS = 1_000_000
FINAL_STATES = {"leaves": ("final", "skipped"), "batches": ("final",), "transactions": ("final", "reverted", "foreign")}


class Watch:
    """Remembers what was final, so that nothing final is ever anything else (I9)."""

    def __init__(self, world: World, tills: Tills) -> None:
        self.world, self.tills = world, tills
        self.final: dict[str, dict[Any, str]] = {table: {} for table in FINAL_STATES}
        self.final_block = 0

    def rows(self, query: str, *values: object) -> list[Any]:
        return self.world.file.execute(query, values).fetchall()

    def always(self) -> None:
        """Cheap enough for every step."""
        self._final_stays()
        self._cursor_is_canonical()
        self._nonces_have_no_gap()
        self._balances_follow()
        self._halts_have_a_reason()
        self._gas_stays_in_the_budget()

    def _final_stays(self) -> None:
        for table, states in FINAL_STATES.items():
            now = {row["id"]: row["state"] for row in self.rows(f"select id, state from {table}")}
            for key, state in self.final[table].items():
                assert now.get(key) == state, f"{table} {key} was {state} for good and is {now.get(key)} (I9)"
            self.final[table] = {key: state for key, state in now.items() if state in states}

    def _cursor_is_canonical(self) -> None:
        (final,) = self.rows("select number, hash from cursors where name = 'final'")
        assert final["number"] >= self.final_block, "the final cursor went back (I9)"
        self.final_block = final["number"]
        blocks = self.world.chain.blocks
        assert final["number"] <= self.world.chain.final, "a block is called final that may still change (I9)"
        assert blocks[final["number"]].hash == final["hash"], "a block is called final that is not canonical (I9)"

    def _nonces_have_no_gap(self) -> None:
        by_account = defaultdict(list)
        for row in self.rows("select operator, nonce from transactions order by nonce"):
            by_account[row["operator"]].append(row["nonce"])
        for lane in self.rows("select operator, next_nonce, next_seq from lanes"):
            nonces = by_account[lane["operator"]]
            if not self.world.foreign:
                assert nonces == list(range(lane["next_nonce"])), f"nonces {nonces} (I4)"
            seqs = [row["seq"] for row in self.rows("select seq from batches where operator = ?", lane["operator"])]
            assert sorted(seqs) == list(range(1, lane["next_seq"])), f"sequences {seqs} (I4)"

    def _balances_follow(self) -> None:
        """As of the final block: what is final in the ledger is what the contract has (I7)."""
        held: Counter[str] = Counter()
        for row in self.rows("select account, kind, amount from leaves where state = 'final' and kind <> 0"):
            held[row["account"]] += row["amount"] if row["kind"] in CREDITS else -row["amount"]
        real = self.world.chain.blocks[self.final_block].state.contract.balances()
        assert {account: points for account, points in held.items() if points} == real, "balances differ (I7)"

    def _halts_have_a_reason(self) -> None:
        for lane in self.rows("select state, reason_code, reason from lanes where state = 'halted'"):
            expected = bool(self.world.foreign) and lane["reason_code"] in ("foreign_nonce", "reconcile_mismatch")
            assert expected, f"a lane is halted: {lane['reason_code']} {lane['reason']} (I11)"

    def _gas_stays_in_the_budget(self) -> None:
        """By the ledger: what today's batches cost, and the most that those may which are not final. By the chain: what all
        blocks of any one day took from the operators, whatever leaves it later (I12)."""
        budget = self.world.plan.gas_budget
        if budget is None:
            return
        midnight = self.world.now().replace(hour=0, minute=0, second=0, microsecond=0)
        at_most = sum(self._most_wei(row, int(midnight.timestamp()) * MICROSECONDS) for row in self.rows(SPENT))
        assert at_most <= budget, f"today's batches may cost {at_most} wei, the budget is {budget} (I12)"
        for day, wei in self._paid_by_day().items():
            assert wei <= budget, f"batches of day {day} cost {wei} wei, the budget is {budget} (I12)"

    def _most_wei(self, row: Any, midnight: int) -> int:
        if row["state"] in ("signed", "sent", "mined"):
            return int(row["most"])
        is_of_today = row["mined_at"] is not None and row["mined_at"] >= midnight
        return (row["fee_gwei"] or 0) * WEI_PER_GWEI if is_of_today else 0

    def _paid_by_day(self) -> Counter[int]:
        paid: Counter[int] = Counter()
        operators = {address(name) for name in OPERATORS}
        for block in self.world.chain.blocks:
            for item, receipt in zip(block.contents, block.receipts, strict=True):
                if item.sender in operators and item.hash in self.world.sent:
                    paid[block.timestamp // DAY] += receipt.gas_used * gas_price(item, block.base_fee)
        return paid

    def at_the_end(self) -> None:
        """When all is settled."""
        self.always()
        self._every_leaf_is_settled()
        self._each_batch_landed_once()
        self._attempts_are_alike()
        self._each_members_order_held()
        self._ledger_and_chain_agree()

    def _every_leaf_is_settled(self) -> None:
        states = {row["id"]: row["state"] for row in self.rows("select id, state from leaves")}
        assert set(states) == set(self.tills.recorded), "an entry is lost, or there is one too many (I3)"
        assert set(states.values()) <= {"final"}, f"not settled: {Counter(states.values())} (I10)"

    def _each_batch_landed_once(self) -> None:
        """By the chain's own blocks: each (operator, seq) once, with the ledger's root (I1, I2)."""
        landed: dict[tuple[str, int], tuple[str, int]] = {}
        for block in self.world.chain.blocks:
            for item, receipt in zip(block.contents, block.receipts, strict=True):
                call = decode_settle(item.body.data) if hasattr(item, "body") else None
                if call is None or not receipt.succeeded:
                    continue
                key = (item.sender, call.seq)
                assert key not in landed, f"batch {key} was applied twice (I2)"
                landed[key] = (call.receipts_root, block.number)
        planned = {
            (row["operator"], row["seq"]): (row["receipts_root"], row["block_number"])
            for row in self.rows("select * from batches")
        }
        assert landed == planned, "batches and events differ (I2)"

    def _attempts_are_alike(self) -> None:
        query = """select attempts.raw, transactions.* from attempts
                   join transactions on transactions.id = attempts.transaction_id"""
        for row in self.rows(query):
            sent = understood(row["raw"])
            same = (sent.sender, sent.body.nonce, sent.body.to, sent.body.data, sent.body.value)
            assert same == (row["operator"], row["nonce"], row["to"], row["data"], 0), "attempts differ (I5)"

    def _each_members_order_held(self) -> None:
        """What is applied of a member is applied in the order in which it was recorded. What was deferred may come later than
        what was on its way already."""
        query = """select leaves.seq, leaves.member_id, batches.block_number, batches.transaction_hash, leaves.position
                   from leaves join batches on batches.id = leaves.batch_id
                   where leaves.kind <> 0 and leaves.deferred_count = 0"""
        place = {
            item.hash: (block.number, index)
            for block in self.world.chain.blocks
            for index, item in enumerate(block.contents)
        }
        by_member = defaultdict(list)
        for row in self.rows(query):
            by_member[row["member_id"]].append((*place[row["transaction_hash"]], row["position"], row["seq"]))
        for found in by_member.values():
            order = [seq for *_, seq in sorted(found)]
            assert order == sorted(order), f"a member's entries were applied in the order {order}"

    def _ledger_and_chain_agree(self) -> None:
        services = self.world.services()
        parts = reconcile_all(services.context, self.world.node, str(services.contract))
        found = [mismatch for _, mismatches in parts for mismatch in mismatches]
        if self.world.foreign:  # the thief's nonce is no transaction of the ledger's
            found = [mismatch for mismatch in found if mismatch.check != "nonce"]
        assert not found, f"the reconciliation finds {found} (I7)"
