"""What a Hypothesis state machine does to a contract and its model, whichever chain is below."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contract_model import CREDITS, Lane, Model, Party, Refusal
from contract_program import (
    DAY,
    NO_LIMIT,
    Program,
    Refused,
    admin,
    alice,
    bind,
    bob,
    charlie,
    entry,
    give_back,
    guard,
    issuers,
    redeem,
    second_settler,
    settler,
)
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

PEOPLE = [alice, bob, charlie]
OPERATORS = [settler, second_settler]
people = st.sampled_from(PEOPLE)
few = st.integers(1, 60)
amounts = st.one_of(few, st.sampled_from([0, 1, 2**53 - 1, 2**53, 2**64 - 1]))
kinds = st.one_of(st.sampled_from([1, 1, 2, 3, 5, 6, 7, 9, 10]), st.integers(0, 11))
parties = st.sampled_from([0, 1, 1, 1, 2, 18, 3])
words = st.one_of(
    st.builds(lambda who, kind, amount, party: entry(who, kind, amount, party=party), people, kinds, few, parties),
    st.builds(lambda who, kind, amount, party: entry(who, kind, amount, party=party), people, kinds, amounts, parties),
    st.integers(0, 2**256 - 1),
)


class ContractMachine(RuleBasedStateMachine):
    """Every function against the model. `program` is set by a subclass; each example is undone on the chain."""

    program: Program

    def __init__(self) -> None:
        super().__init__()
        self.before = self.program.snapshot()
        self.model = Model()
        self.model.lanes = {operator.address.lower(): Lane() for operator in OPERATORS}

    def teardown(self) -> None:
        self.program.revert(self.before)

    @initialize(ceilings=st.lists(st.sampled_from([0, 50, 100, NO_LIMIT]), min_size=2, max_size=2), period=few)
    def register(self, ceilings: list[int], period: int) -> None:
        for number, ceiling in zip((2, 18), ceilings, strict=True):
            self.program.send(admin, "registerParty", number, f"Merchant {number}", ceiling, period * 3600)
            self.model.parties[number] = Party(ceiling, period * 3600, window=self.program.now // (period * 3600))
        self.program.settle([entry(alice, 1, 100), entry(bob, 1, 100)])
        self.model.settle(settler.address.lower(), [entry(alice, 1, 100), entry(bob, 1, 100)], self.program.now)

    @rule(batch=st.lists(words, max_size=12), operator=st.sampled_from(OPERATORS))
    def settle(self, batch: list[int], operator: object) -> None:
        supply = self.model.supply
        done = self._both(
            lambda: self.program.settle(batch, signer=operator),
            lambda: self.model.settle(operator.address.lower(), batch, self.program.now),
        )
        if done is None:
            return
        skipped = {event["index"]: event["reason"] for event in done[0].named("EntrySkipped")}
        assert skipped == done[1]
        settled = done[0].named("BatchSettled")[0]
        transfers = done[0].named("Transfer")
        assert settled["count"] == len(batch) - len(skipped) == len(transfers)
        assert settled["minted"] - settled["burned"] == self.model.supply - supply
        assert settled["minted"] == sum(one["value"] for one in transfers if int(one["from"], 16) == 0)
        applied = [word for i, word in enumerate(batch) if i not in skipped and word >> 88 & 0xFF in CREDITS]
        assert settled["minted"] == sum(word & NO_LIMIT for word in applied)

    @rule(seq=st.integers(0, 4))
    def settle_out_of_sequence(self, seq: int) -> None:
        expected = self.model.lane(settler.address.lower()).seq + 1
        if seq == expected:
            return
        with pytest.raises(Refused, match=r"BatchOutOfSequence|EnforcedPause"):
            self.program.settle([], seq=seq)

    @rule(source=people, goal=people, wait=st.one_of(st.just(0), st.integers(1, 40)))
    def bind(self, source: object, goal: object, wait: int) -> None:
        expires_at = self.program.now + wait * 3600 if wait else 0
        current = self.model.account(source.address.lower())
        if current.is_self_custody and wait % 2:
            expires_at = current.expires_at
        self._both(
            lambda: bind(self.program, source, goal, expires_at=expires_at),
            lambda: self.model.bind(source.address.lower(), goal.address.lower(), expires_at),
        )

    @rule(source=people, goal=people)
    def give_back(self, source: object, goal: object) -> None:
        self._both(
            lambda: give_back(self.program, source, goal),
            lambda: self.model.give_back(source.address.lower(), goal.address.lower()),
        )

    @rule(who=people, expires_at=st.integers(0, 50))
    def raise_expiry(self, who: object, expires_at: int) -> None:
        date = self.program.now + expires_at * 3600 if expires_at else 0
        self._both(
            lambda: self.program.send(settler, "raiseSelfCustodyExpiry", who.address, date),
            lambda: self.model.raise_expiry(who.address.lower(), date),
        )

    @rule(who=people, amount=amounts)
    def redeem(self, who: object, amount: int) -> None:
        self._both(
            lambda: redeem(self.program, who, amount),
            lambda: self.model.redeem(who.address.lower(), amount, self.program.now),
        )

    @rule(who=people)
    def invalidate_nonce(self, who: object) -> None:
        self.program.send(who, "invalidateNonce")
        self.model.account(who.address.lower()).nonce += 1

    @rule(source=people, goal=people, amount=amounts)
    def transfer(self, source: object, goal: object, amount: int) -> None:
        names = (source.address, goal.address)
        code = self.model.restriction(*(one.lower() for one in names), amount, self.program.now)
        assert self.program.ask("detectTransferRestriction", *names, amount) == code
        later = self.model.restriction(*(one.lower() for one in names), amount, self.program.now + 1)
        try:
            self.program.send(source, "transfer", goal.address, amount)
        except Refused:
            assert later != 0
        else:
            assert later == 0
            self.model.transfer(*(one.lower() for one in names), amount)

    @rule(who=people, is_frozen=st.booleans())
    def freeze(self, who: object, is_frozen: bool) -> None:
        self.program.send(guard, "setFrozen", who.address, is_frozen)
        self.model.account(who.address.lower()).is_frozen = is_frozen

    @rule(is_pause=st.booleans())
    def pause_or_unpause(self, is_pause: bool) -> None:
        name = "pause" if is_pause else "unpause"
        self._both(lambda: self.program.send(guard, name), lambda: getattr(self.model, name)(self.program.now))

    @rule(
        number=st.sampled_from([1, 2, 18]),
        ceiling=st.sampled_from([0, 30, 100, 1000, NO_LIMIT]),
        hours=st.integers(0, 40),
    )
    def set_ceiling(self, number: int, ceiling: int, hours: int) -> None:
        self.program.send(issuers, "setCeiling", number, ceiling, hours * 3600)
        self.model.parties[number].change(ceiling, hours * 3600, self.program.now, self.model.notice)

    @rule(operator=st.sampled_from(OPERATORS), limit=st.sampled_from([0, 30, 100, NO_LIMIT]), is_admin=st.booleans())
    def set_debit_limit(self, operator: object, limit: int, is_admin: bool) -> None:
        self.program.send(admin if is_admin else issuers, "setDebitLimit", operator.address, limit)
        lane = self.model.lane(operator.address.lower())
        lane.change(limit, self.program.now, self.model.notice, is_admin=is_admin)

    @rule(days=st.integers(80, 120))
    def announce_sunset(self, days: int) -> None:
        at = self.program.now + days * DAY
        self._both(
            lambda: self.program.send(admin, "announceSunset", at),
            lambda: self.model.announce_sunset(at, self.program.now),
        )

    @rule()
    def open_transfers(self) -> None:
        self._both(
            lambda: self.program.send(admin, "openTransfers"), lambda: self.model.open_transfers(self.program.now)
        )

    @rule(hours=st.one_of(st.integers(1, 50), st.integers(24 * 7, 24 * 100)))
    def wait(self, hours: int) -> None:
        self.program.wait(hours * 3600)
        self.program.send(charlie, "approve", settler.address, 0)  # a block at that time

    def _both(self, real: Callable[[], object], ideal: Callable[[], object]) -> tuple[object, object] | None:
        """Does the same to both: both do it, or both refuse with the same error."""
        try:
            done = real()
        except Refused as refused:
            with pytest.raises(Refusal, match=f"^{refused.name}$"):
                ideal()
            return None
        return done, ideal()

    @invariant()
    def they_agree(self) -> None:
        program, model, now = self.program, self.model, self.program.now
        assert list(program.ask("totals").values()) == list(model.totals.values())
        assert program.ask("totalSupply") == model.supply == sum(one.balance for one in model.accounts.values())
        for person in PEOPLE:
            account = model.account(person.address.lower())
            assert list(program.ask("accountOf", person.address).values()) == list(vars(account).values())
        for operator in OPERATORS:
            lane, real = model.lane(operator.address.lower()), program.ask("laneOf", operator.address)
            lane.roll(now)
            assert list(real.values()) == [lane.seq, lane.limit, lane.debited, lane.day, *(lane.raise_to or (0, 0))]
        for number, party in model.parties.items():
            party.roll(now)
            real = program.ask("partyOf", number)
            expected = [party.ceiling, party.issued, party.window, party.period, True, *(party.raise_to or (0, 0, 0))]
            assert list(real.values()) == expected
        assert model.totals[5] <= model.totals[2] + model.totals[11] + model.totals[6]
        assert model.totals[10] <= model.totals[9]
