"""The auditor's own reading of the contract's rules, event by event: what an honest contract never emits is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from token_service.audit.replay import Terms, replay
from token_service.audit.report import FINDINGS_MAX, Finding, Findings
from token_service.audit.state import Lane, Party, State
from token_service.audit.stream import Sender, Transaction
from token_service.protocol import events
from token_service.protocol.calldata import SettleCall
from token_service.protocol.events import LogPosition
from token_service.protocol.hashing import ZERO_ADDRESS, text_hash
from token_service.protocol.words import EntryWord, pack

from .programme import ALICE, BOB, CHARLIE, DAY, OPERATOR

NOW = 1_800_000_000
CONTRACT = CHARLIE
TERMS = Terms(CONTRACT, 2 * DAY, 30 * DAY)
AT = LogPosition(7, 0, "0x" + "11" * 32, "0x" + "22" * 32)
FIRST, NEXT = "0x" + "aa" * 32, "0x" + "bb" * 32
Make = Callable[[], events.Event]


class Replayed:
    """A state that events are applied to, one transaction each."""

    def __init__(self) -> None:
        self.state, self.findings = State(), Findings()
        self.state.settlers.add(OPERATOR)
        self.now = NOW
        self.apply(events.RulesetPublished(AT, FIRST, 0, ""))
        self.apply(events.PartyRegistered(AT, 1, "one"), events.CeilingSet(AT, 1, 1_000, DAY, NOW))
        self.apply(events.DebitLimitSet(AT, OPERATOR, 100, NOW))
        assert not self.findings.kept

    def apply(self, *happened: events.Event, sender: Sender | None = None) -> list[str]:
        before = len(self.findings.kept)
        made = Transaction("0x" + "22" * 32, 7, "0x" + "11" * 32, self.now, happened, sender, 0)
        replay(self.state, TERMS, made, self.findings)
        return [finding.check for finding in self.findings.kept[before:]]

    def settle(self, *entries: EntryWord, ruleset: str = FIRST) -> list[str]:
        """A batch of entries that are all applied, honestly logged."""
        seq = self.state.lane(OPERATOR).seq + 1
        moves = [
            events.Transfer(
                AT, *((ZERO_ADDRESS, e.account) if e.kind in (1, 5, 7, 10) else (e.account, ZERO_ADDRESS)), e.amount
            )
            for e in entries
        ]
        minted = sum(e.amount for e in entries if e.kind in (1, 5, 7, 10))
        burned = sum(e.amount for e in entries) - minted
        call = SettleCall(seq, ruleset, NEXT, tuple(pack(entry) for entry in entries))
        settled = events.BatchSettled(AT, OPERATOR, seq, ruleset, NEXT, len(entries), minted, burned)
        return self.apply(*moves, settled, sender=Sender(OPERATOR, CONTRACT, call))


@pytest.fixture
def replayed() -> Replayed:
    return Replayed()


@pytest.mark.parametrize(
    ("make", "check"),
    [
        (lambda: events.RulesetPublished(AT, NEXT, NOW + DAY, ""), "notice"),
        (lambda: events.RulesetPublished(AT, FIRST, NOW + 3 * DAY, ""), "notice"),
        (lambda: events.AddendumPublished(AT, NEXT, "0x" + "cc" * 32, NOW, ""), "notice"),
        (lambda: events.AddendumPublished(AT, FIRST, NEXT, NOW - 1, ""), "notice"),
        (lambda: events.CeilingSet(AT, 1, 1_001, DAY, NOW), "notice"),
        (lambda: events.CeilingSet(AT, 1, 1_000, DAY - 1, NOW), "notice"),
        (lambda: events.CeilingSet(AT, 1, 5_000, DAY, NOW + DAY), "notice"),
        (lambda: events.TransfersOpening(AT, NOW + DAY), "notice"),
        (lambda: events.SunsetAnnounced(AT, NOW + 29 * DAY), "sunset"),
        (lambda: events.Paused(AT, ALICE, NOW + 8 * DAY), "pause"),
        (lambda: events.PartyRegistered(AT, 1, "again"), "ceilings"),
        (lambda: events.EntrySkipped(AT, OPERATOR, 1, 0, 4), "transfers"),
        (lambda: events.ReturnedToCustody(AT, ALICE, ALICE, 5), "custody"),
        (lambda: events.SelfCustodyExpiryRaised(AT, ALICE, NOW), "custody"),
        (lambda: events.Redeemed(AT, ALICE, 1, NEXT, 5, 0), "custody"),
    ],
)  # fmt: skip
def test_what_comes_too_early_or_from_nowhere_is_named(replayed: Replayed, make: Make, check: str) -> None:
    assert replayed.apply(make()) == [check]


@pytest.mark.parametrize(
    "make",
    [
        lambda: events.RulesetPublished(AT, NEXT, NOW + 2 * DAY, ""),
        lambda: events.AddendumPublished(AT, FIRST, NEXT, NOW, ""),
        lambda: events.CeilingSet(AT, 1, 1_000, 0, NOW),
        lambda: events.CeilingSet(AT, 1, 999, DAY, NOW),
        lambda: events.CeilingSet(AT, 1, 9_000, 60, NOW + 2 * DAY),
        lambda: events.DebitLimitSet(AT, OPERATOR, 500, NOW),
        lambda: events.TransfersOpening(AT, NOW + 2 * DAY),
        lambda: events.SunsetAnnounced(AT, NOW + 30 * DAY),
        lambda: events.Paused(AT, ALICE, NOW + 7 * DAY),
        lambda: events.NonceInvalidated(AT, ALICE, 1),
        lambda: events.Approval(AT, ALICE, BOB, 1),
    ],
)  # fmt: skip
def test_what_was_announced_in_time_is_silent(replayed: Replayed, make: Make) -> None:
    assert replayed.apply(make()) == []


def test_the_first_ruleset_covers_everything() -> None:
    state, findings = State(), Findings()
    late = Transaction("0x", 1, "0x", NOW, (events.RulesetPublished(AT, FIRST, NOW, ""),), None, 0)
    replay(state, TERMS, late, findings)
    assert [finding.check for finding in findings.kept] == ["notice"]


def test_a_running_operators_limit_rises_with_notice_only(replayed: Replayed) -> None:
    replayed.settle(EntryWord(ALICE, 1, 1, 5))
    assert replayed.apply(events.DebitLimitSet(AT, OPERATOR, 101, NOW)) == ["notice"]
    assert replayed.apply(events.DebitLimitSet(AT, OPERATOR, 99, NOW)) == []
    assert replayed.apply(events.DebitLimitSet(AT, OPERATOR, 900, NOW + DAY)) == ["notice"]


def test_a_sunset_is_never_moved_forward(replayed: Replayed) -> None:
    assert replayed.apply(events.SunsetAnnounced(AT, NOW + 40 * DAY)) == []
    assert replayed.apply(events.SunsetAnnounced(AT, NOW + 39 * DAY)) == ["sunset"]


def test_nothing_expires_before_the_sunset_and_nothing_is_issued_after_it(replayed: Replayed) -> None:
    replayed.apply(events.SunsetAnnounced(AT, NOW + 30 * DAY))
    assert replayed.settle(EntryWord(ALICE, 1, 1, 50), EntryWord(ALICE, 3, 0, 5)) == ["sunset"]
    replayed.now += 30 * DAY
    assert replayed.settle(EntryWord(ALICE, 7, 1, 5)) == ["sunset"]
    assert replayed.settle(EntryWord(ALICE, 2, 1, 5), EntryWord(ALICE, 3, 0, 5)) == []


def test_nothing_happens_under_a_pause(replayed: Replayed) -> None:
    replayed.settle(EntryWord(ALICE, 1, 1, 50))
    replayed.state.self_custody[ALICE] = 0
    replayed.apply(events.Paused(AT, BOB, NOW + DAY))
    assert replayed.settle(EntryWord(BOB, 1, 1, 50)) == ["pause"]
    redeemed = events.Redeemed(AT, ALICE, 1, NEXT, 5, 0)
    assert replayed.apply(events.Transfer(AT, ALICE, ZERO_ADDRESS, 5), redeemed) == ["pause"]
    replayed.apply(events.Unpaused(AT, BOB))
    assert replayed.settle(EntryWord(BOB, 1, 1, 50)) == []


def test_transfers_move_between_self_custody_accounts_once_open(replayed: Replayed) -> None:
    transfer = events.Transfer(AT, ALICE, BOB, 5)
    replayed.state.self_custody |= {ALICE: 0, BOB: 0}
    replayed.apply(events.TransfersOpening(AT, NOW + 2 * DAY))
    assert replayed.apply(transfer) == ["transfers"]
    replayed.now += 2 * DAY
    assert replayed.apply(transfer) == []
    replayed.apply(events.FreezeChanged(AT, BOB, True))
    assert replayed.apply(transfer) == ["transfers"]
    replayed.apply(events.FreezeChanged(AT, BOB, False), events.Paused(AT, BOB, replayed.now + 5))
    assert replayed.apply(transfer) == ["pause"]


def test_a_freeze_goes_with_bound_points_and_a_bind_keeps_the_date(replayed: Replayed) -> None:
    replayed.apply(events.FreezeChanged(AT, ALICE, True))
    moved = events.Transfer(AT, ALICE, BOB, 5)
    assert replayed.apply(moved, events.SelfCustodyBound(AT, ALICE, BOB, 5, NOW + DAY)) == []
    assert replayed.state.frozen == {ALICE, BOB}
    again = events.SelfCustodyBound(AT, BOB, CHARLIE, 5, NOW + 2 * DAY)
    assert replayed.apply(events.Transfer(AT, BOB, CHARLIE, 5), again) == ["custody"]


def test_a_self_custody_balance_expires_only_when_it_is_due(replayed: Replayed) -> None:
    replayed.settle(EntryWord(ALICE, 1, 1, 50))
    replayed.apply(events.SelfCustodyBound(AT, ALICE, ALICE, 50, NOW + DAY))
    assert replayed.settle(EntryWord(ALICE, 3, 0, 5)) == ["custody"]
    assert replayed.settle(EntryWord(ALICE, 4, 0, 5)) == ["custody"]
    replayed.now += DAY
    assert replayed.settle(EntryWord(ALICE, 3, 0, 5)) == []


def test_no_more_comes_back_than_left(replayed: Replayed) -> None:
    replayed.settle(EntryWord(ALICE, 1, 1, 90), EntryWord(ALICE, 2, 1, 10), EntryWord(ALICE, 9, 0, 10))
    assert replayed.settle(EntryWord(ALICE, 5, 1, 10), EntryWord(BOB, 10, 0, 10)) == []
    assert replayed.settle(EntryWord(ALICE, 5, 1, 1), EntryWord(BOB, 10, 0, 1)) == ["custody", "custody"]


def test_a_party_without_a_number_issues_nothing(replayed: Replayed) -> None:
    assert replayed.settle(EntryWord(ALICE, 1, 9, 5)) == ["ceilings"]


def test_a_bad_word_that_was_applied_is_named(replayed: Replayed) -> None:
    word = pack(EntryWord(ALICE, 1, 1, 5)) | 0xF0 << 88
    moved = events.Transfer(AT, *(ALICE, ZERO_ADDRESS), 5)
    settled = events.BatchSettled(AT, OPERATOR, 1, FIRST, NEXT, 1, 0, 5)
    sender = Sender(OPERATOR, CONTRACT, SettleCall(1, FIRST, NEXT, (word,)))
    assert "transfers" in replayed.apply(moved, settled, sender=sender)


@pytest.mark.parametrize(
    "sender", [None, Sender(OPERATOR, ALICE, None), Sender(OPERATOR, CONTRACT, None)], ids=["unknown", "other", "no call"]
)  # fmt: skip
def test_a_batch_that_was_not_sent_directly_is_named(replayed: Replayed, sender: Sender | None) -> None:
    assert replayed.apply(events.BatchSettled(AT, OPERATOR, 1, FIRST, NEXT, 0, 0, 0), sender=sender) == ["transfers"]


def test_two_batches_of_one_transaction_are_named(replayed: Replayed) -> None:
    sender = Sender(OPERATOR, CONTRACT, SettleCall(2, FIRST, NEXT, ()))
    both = [events.BatchSettled(AT, OPERATOR, seq, FIRST, NEXT, 0, 0, 0) for seq in (1, 2)]
    assert replayed.apply(*both, sender=sender) == ["sequences"]


def test_an_event_that_no_word_explains_is_named(replayed: Replayed) -> None:
    sender = Sender(OPERATOR, CONTRACT, SettleCall(1, FIRST, NEXT, ()))
    settled = events.BatchSettled(AT, OPERATOR, 1, FIRST, NEXT, 0, 0, 0)
    assert replayed.apply(events.Transfer(AT, ZERO_ADDRESS, ALICE, 5), settled, sender=sender) == ["transfers"]


def test_malformed_logs_are_named(replayed: Replayed) -> None:
    replay(replayed.state, TERMS, Transaction("0x", 7, "0x", NOW, (), None, 2), replayed.findings)
    assert replayed.findings.kept[-1].detail == "2 logs are malformed"


def test_a_role_that_was_taken_away_settles_nothing(replayed: Replayed) -> None:
    replayed.apply(events.RoleRevoked(AT, text_hash("SETTLER"), OPERATOR, BOB))
    assert replayed.settle() == ["sequences"]
    replayed.apply(events.RoleGranted(AT, text_hash("SETTLER"), OPERATOR, BOB))
    assert replayed.settle() == []


def test_a_raised_ceiling_counts_what_was_issued_before() -> None:
    party = Party(
        ceiling=100, issued=60, window=NOW // DAY, period=DAY, raises_at=NOW + 10, next_ceiling=500, next_period=60
    )
    party.advance(NOW + 11)
    assert (party.ceiling, party.issued, party.window) == (500, 60, (NOW + 10) // 60)
    party.advance(NOW + 120)
    assert (party.issued, party.window) == (0, (NOW + 120) // 60)


def test_a_lane_starts_each_day_at_nothing() -> None:
    lane = Lane(limit=10, debited=9, day=NOW // DAY, raises_at=(NOW // DAY + 1) * DAY, next_limit=50)
    lane.advance(NOW)
    assert (lane.limit, lane.debited) == (10, 9)
    lane.advance(NOW + DAY)
    assert (lane.limit, lane.debited, lane.raises_at) == (50, 0, 0)


def test_a_thousand_findings_are_counted_and_a_hundred_kept() -> None:
    findings = Findings()
    for index in range(1_000):
        findings.add(Finding("transfers", "x", index=index))
    assert (len(findings.kept), findings.counts) == (FINDINGS_MAX, {"transfers": 1_000})
