"""Holds: points set aside, captured whole or in part, released, and ended by themselves; their lots stay what they were."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from eth_account import Account
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import (
    CallerError,
    Conflict,
    HoldExpired,
    InsufficientBalance,
    InvalidInput,
    MemberFrozen,
    MemberLeaving,
    NotFound,
    ReferenceConflict,
)
from token_service.ledger import views
from token_service.ledger.context import Actor
from token_service.ledger.due import next_due_at, run_due
from token_service.ledger.following import WalletEvent, follow
from token_service.ledger.holds import capture, find_hold, get_hold, hold, release
from token_service.ledger.inputs import NewCapture, NewHold
from token_service.ledger.leaving import ask_to_leave
from token_service.ledger.mandates import sign_mandate
from token_service.ledger.members import freeze
from token_service.ledger.rebuild import rebuild

MINUTE = timedelta(minutes=1)
KEY = b"\x71" * 32
OWN = Account.from_key(KEY).address


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(expiry="{kind: fixed, period: P10D}"))


@pytest.fixture
def member(town: Town) -> str:
    """A hundred points that expire in ten days, fifty more in twelve."""
    made = town.member()
    town.buy(made, 10_000)
    town.clock.forward(2 * DAY)
    town.buy(made, 5_000)
    return made


def set_aside(town: Town, member_id: str, points: int, **more: Any) -> views.Outcome[views.Hold]:
    new = NewHold(**({"reference": town.reference(), "member_id": member_id, "points": points} | more))
    return hold(town.context, town.alice, new)


def take(town: Town, hold_id: str, points: int | None = None, **more: Any) -> views.Outcome[views.Redemption]:
    return capture(town.context, town.alice, hold_id, NewCapture(points, **more))


def figures(town: Town, member_id: str) -> tuple[int, int]:
    balance = town.balance(member_id)
    return balance.available, balance.held


def again(town: Town) -> None:
    """All holds, and holds after a rebuild."""
    town.check()
    rebuild(town.context)
    town.check()


def test_a_till_can_hold_and_capture(town: Town, member: str) -> None:
    made = set_aside(town, member, 120)
    assert (made.value.state, made.value.points, made.entries) == ("open", 120, ())
    assert made.promise is not None
    assert (made.balance.available, made.balance.held) == (30, 120)
    again(town)
    done = take(town, made.value.id)
    assert (done.value.points, done.value.value.amount) == (120, 1_200)
    assert [entry.points for entry in done.entries] == [-120]
    assert (done.balance.available, done.balance.held) == (30, 0)
    after = get_hold(town.context, town.alice, made.value.id)
    assert (after.state, after.captured, after.redemption_id) == ("captured", 120, done.value.id)
    again(town)


def test_what_is_not_captured_is_free_again(town: Town, member: str) -> None:
    made = set_aside(town, member, 120)
    take(town, made.value.id, 20)
    assert figures(town, member) == (130, 0)
    assert town.moves(member)[-1] == ("redemption", -20)
    again(town)


def test_it_is_released(town: Town, member: str) -> None:
    made = set_aside(town, member, 120)
    done = release(town.context, town.alice, made.value.id)
    assert (done.replayed, done.value.state, done.balance.available) == (False, "released", 150)
    assert release(town.context, town.alice, made.value.id).replayed is True
    again(town)


def test_an_abandoned_hold_releases_itself(town: Town, member: str) -> None:
    """Number 45 of the brief's list."""
    made = set_aside(town, member, 120)
    assert next_due_at(town.context) == made.value.expires_at == town.clock.at + 15 * MINUTE
    assert town.pass_time(14 * MINUTE).holds_released == 0
    assert town.pass_time(MINUTE).holds_released == 1
    assert figures(town, member) == (150, 0)
    assert get_hold(town.context, town.alice, made.value.id).state == "expired"
    assert run_due(town.context).holds_released == 0
    again(town)


def test_points_of_a_hold_whose_time_is_over_can_be_spent_before_anything_ran(town: Town, member: str) -> None:
    set_aside(town, member, 120)
    town.clock.forward(16 * MINUTE)
    town.redeem(member, 150)
    assert figures(town, member) == (0, 0)
    again(town)


def test_held_points_are_spent_by_nobody_else(town: Town, member: str) -> None:
    set_aside(town, member, 120)
    with pytest.raises(InsufficientBalance) as refused:
        town.redeem(member, 31)
    assert (refused.value.facts["available"], refused.value.facts["missing_points"]) == (30, 1)
    with pytest.raises(InsufficientBalance):
        set_aside(town, member, 31)
    with pytest.raises(InsufficientBalance):
        town.adjust(member, -31)
    town.redeem(member, 30)
    assert figures(town, member) == (0, 120)
    again(town)


def test_a_refund_takes_what_is_free_and_the_rest_is_owed(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 10_000).value
    set_aside(town, member, 80)
    refund = town.refund(bought.id, 10_000).value
    assert (refund.reversed, refund.debt) == (20, 80)
    assert figures(town, member) == (0, 80)
    again(town)


def test_held_lots_do_not_expire_and_expire_when_they_are_free_again(town: Town, member: str) -> None:
    made = set_aside(town, member, 100, expires_in=7 * DAY)
    town.clock.forward(6 * DAY)
    kept = set_aside(town, member, 20, expires_in=7 * DAY)
    due = town.pass_time(3 * DAY)  # the first hold's lots are past their date now
    assert (due.holds_released, due.points_expired) == (1, 100)
    assert get_hold(town.context, town.alice, made.value.id).state == "expired"
    due = town.pass_time(3 * DAY)  # of the second lot 20 are held, 30 go
    assert due.points_expired == 30
    assert figures(town, member) == (0, 20)
    again(town)
    take(town, kept.value.id)
    assert figures(town, member) == (0, 0)
    again(town)


def test_points_captured_after_their_date_come_back_with_the_grace(town: Town, member: str) -> None:
    town.clock.forward(7 * DAY)
    made = set_aside(town, member, 100, expires_in=7 * DAY)
    town.pass_time(2 * DAY)
    done = take(town, made.value.id)
    town.restore(done.value.id)
    assert figures(town, member) == (150, 0)
    again(town)


def test_activity_prolongs_held_lots_as_well(make: Make) -> None:
    town = make(rules(expiry="{kind: inactivity, period: P10D}"))
    member = town.member()
    town.buy(member, 10_000)
    made = set_aside(town, member, 60, expires_in=7 * DAY)
    town.pass_time(6 * DAY)
    town.buy(member, 1_000)
    take(town, made.value.id)
    assert town.pass_time(9 * DAY).points_expired == 0
    assert figures(town, member) == (50, 0)
    again(town)


def test_the_same_reference_is_the_same_hold_and_with_other_content_a_conflict(town: Town, member: str) -> None:
    reference = town.reference()
    first, second = (set_aside(town, member, 50, reference=reference) for _ in range(2))
    assert (second.replayed, second.value) == (True, first.value)
    with pytest.raises(ReferenceConflict):
        set_aside(town, member, 51, reference=reference)
    assert figures(town, member) == (100, 50)
    assert find_hold(town.context, town.alice, reference) == first.value


def test_a_capture_is_repeatable_with_the_same_points_only(town: Town, member: str) -> None:
    made = set_aside(town, member, 50)
    first, second = (take(town, made.value.id, 40) for _ in range(2))
    assert (first.replayed, second.replayed, second.value.id) == (False, True, first.value.id)
    for points in (None, 39):
        with pytest.raises(Conflict):
            take(town, made.value.id, points)
    with pytest.raises(Conflict):
        release(town.context, town.alice, made.value.id)
    assert figures(town, member) == (110, 0)
    again(town)


def test_the_redemption_has_the_holds_reference_or_another(town: Town, member: str) -> None:
    named, taken = set_aside(town, member, 10), set_aside(town, member, 10)
    assert take(town, named.value.id).value.reference == named.value.reference
    town.redeem(member, 5, reference=taken.value.reference)
    with pytest.raises(ReferenceConflict):
        take(town, taken.value.id)
    assert take(town, taken.value.id, reference="till-3/1").value.reference == "till-3/1"
    with pytest.raises(ReferenceConflict):
        set_aside(town, member, 5, reference="till-3/1")
    again(town)


def test_its_redemption_is_given_back_like_any(town: Town, member: str) -> None:
    done = take(town, set_aside(town, member, 120).value.id)
    town.restore(done.value.id, 70)
    assert figures(town, member) == (100, 0)
    again(town)


def test_what_has_ended_is_not_captured(town: Town, member: str) -> None:
    released, lapsed = set_aside(town, member, 10), set_aside(town, member, 10)
    release(town.context, town.alice, released.value.id)
    with pytest.raises(Conflict):
        take(town, released.value.id)
    town.clock.forward(15 * MINUTE)
    with pytest.raises(HoldExpired):
        take(town, lapsed.value.id)
    run_due(town.context)
    with pytest.raises(HoldExpired):
        take(town, lapsed.value.id)
    assert release(town.context, town.alice, lapsed.value.id).replayed is True


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"points": 0}, InvalidInput),
        ({"points": 151}, InsufficientBalance),
        ({"expires_in": timedelta(0)}, InvalidInput),
        ({"expires_in": 8 * DAY}, InvalidInput),
        ({"reference": ""}, InvalidInput),
        ({"member_id": "mem_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, NotFound),
    ],
)
def test_bad_input_is_refused_and_holds_nothing(
    town: Town, member: str, change: dict[str, Any], error: type[CallerError]
) -> None:
    with pytest.raises(error):
        set_aside(town, **({"member_id": member, "points": 10} | change))
    assert figures(town, member) == (150, 0)


def test_more_than_is_held_is_not_captured_and_a_foreign_hold_is_nobodys(town: Town, member: str) -> None:
    made = set_aside(town, member, 10)
    with pytest.raises(InvalidInput):
        take(town, made.value.id, 11)
    for ask in (get_hold, release):
        with pytest.raises(NotFound):
            ask(town.context, town.charlie, made.value.id)
    with pytest.raises(NotFound):
        capture(town.context, town.charlie, made.value.id, NewCapture())


def test_a_frozen_members_hold_lapses_and_is_not_captured(town: Town, member: str) -> None:
    made = set_aside(town, member, 10)
    freeze(town.context, ADMIN, member, "under investigation")
    with pytest.raises(MemberFrozen):
        take(town, made.value.id)
    assert town.pass_time(15 * MINUTE).holds_released == 1


def test_many_at_once_never_hold_more_than_there_is(town: Town, member: str) -> None:
    def one(_: int) -> str | None:
        try:
            return set_aside(town, member, 20).value.id
        except InsufficientBalance:
            return None

    with ThreadPoolExecutor(8) as tills:
        made = [hold_id for hold_id in tills.map(one, range(12)) if hold_id]
    assert len(made) == 7
    assert figures(town, member) == (10, 140)

    def end(hold_id: str) -> int:
        try:
            return take(town, hold_id).value.points
        except CallerError:
            return 0

    with ThreadPoolExecutor(8) as tills:
        assert sorted(tills.map(end, made + made)) == [20] * 14
    assert figures(town, member) == (10, 0)
    again(town)


def test_nobody_leaves_while_points_are_held_and_nothing_is_captured_of_whoever_left(town: Town, member: str) -> None:
    me = Actor.member(member)
    asked = ask_to_leave(town.context, me, member, OWN)
    made = set_aside(town, member, 20)
    signature = "0x" + bytes(Account.sign_typed_data(KEY, full_message=dict(asked.document)).signature).hex()
    with pytest.raises(Conflict):
        sign_mandate(town.context, me, asked.id, signature)
    bound = {"from_address": asked.from_address, "to_address": OWN, "amount": 150, "expires_at": 0}
    event = WalletEvent("SelfCustodyBound", bound, "0x" + "5" * 64, 0, 5, town.clock.at, "0x" + "6" * 64)
    town.context.store.transact(lambda connection: follow(connection, town.context, event))
    with pytest.raises(MemberLeaving):
        take(town, made.value.id)
    assert town.pass_time(15 * MINUTE).holds_released == 1
    again(town)


def test_a_correction_finds_what_a_lapsed_hold_had_set_aside(town: Town, member: str) -> None:
    set_aside(town, member, 150)
    town.clock.forward(15 * MINUTE)
    town.adjust(member, -150)
    assert figures(town, member) == (0, 0)
    again(town)
