"""What counts in challenges and when they are complete: pure, the same for ever, never more after a refund."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import CallerError
from token_service.program.challenge_schema import Challenge
from token_service.program.challenges import (
    AT_ONCE_MAX,
    Counted,
    award_line,
    lost_keys,
    new_keys,
    period_of,
    progress,
    purchase_counts,
)
from token_service.program.refunds import LineRefund, Refund, check_refund
from token_service.program.ruleset import Ruleset, check_ruleset

from .baskets import NOON, item, purchase, ruleset_of

FREE = {"id": "free", "kind": "gift", "points": 100}


def ruleset(*challenges: dict[str, Any]) -> Ruleset:
    return ruleset_of(challenges=list(challenges), rewards=[FREE])


def challenge(count: dict[str, Any] | None = None, target: int = 3, **more: Any) -> Challenge:
    given = {"id": "one", "count": count or {"kind": "orders"}, "target": target, "award": {"points": 5}}
    return ruleset(given | more).challenges[0]


def on(*days: str, amount: int = 1) -> list[Counted]:
    return [Counted(day, amount) for day in days]


# --- counting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "amount"),
    [
        ({"kind": "orders"}, 1),
        ({"kind": "visits", "when": "order.total == 1500"}, 1),
        ({"kind": "orders", "when": "order.total > 1500"}, None),
        ({"kind": "items", "categories": ["bread"]}, 4),
        ({"kind": "items", "skus": ["baguette"]}, 3),
        ({"kind": "items", "categories": ["cheese"]}, None),
        ({"kind": "spend"}, 1500),
        ({"kind": "spend", "basis": "goods"}, 1000),
        ({"kind": "streak", "every": "month"}, 1),
        ({"kind": "events", "event": "review.written"}, None),
    ],
)
def test_a_purchase_counts_for_what_the_challenge_counts(count: dict[str, Any], amount: int | None) -> None:
    items = (item(1, 600, category="bread", sku="baguette", quantity=3), item(2, 400, category="bread"))
    facts = purchase(1500, items=items, shipping=500)
    rules = ruleset({"id": "one", "count": count, "target": 2, "award": {"points": 1}})
    assert purchase_counts(rules, facts) == ({} if amount is None else {"one": amount})


@pytest.mark.parametrize(("starts", "until", "counts"), [(0, 0, True), (1, 5, False), (-5, -1, False), (None, 0, True)])
def test_it_counts_between_its_dates_both_included(starts: int | None, until: int, counts: bool) -> None:
    today = date(2026, 11, 22)
    dates: dict[str, str] = {"until": str(today + timedelta(days=until))}
    if starts is not None:
        dates["from"] = str(today + timedelta(days=starts))
    rules = ruleset({"id": "one", "count": {"kind": "orders"}, "target": 2, "award": {"points": 1}} | dates)
    assert bool(purchase_counts(rules, purchase(100, at=NOON))) is counts


@given(
    pieces=st.integers(1, 9),
    price=st.integers(0, 5_000),
    backs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9_000)), max_size=4),
    minimum=st.integers(0, 20_000),
)
def test_a_refund_never_makes_more_count(pieces: int, price: int, backs: list[tuple[int, int]], minimum: int) -> None:
    facts = purchase(0, items=(item(1, price * pieces, category="bread", quantity=pieces), item(2, 700)))
    rules = ruleset(
        {"id": "items", "count": {"kind": "items", "categories": ["bread"]}, "target": 2, "award": {"points": 1}},
        {
            "id": "spend",
            "count": {"kind": "spend", "when": f"order.total < {minimum}"},
            "target": 2,
            "award": {"points": 1},
        },
        {"id": "orders", "count": {"kind": "orders"}, "target": 2, "award": {"points": 1}},
    )
    refunds: tuple[Refund, ...] = ()
    before = purchase_counts(rules, facts)
    for quantity, amount in backs:
        refund = Refund(0, (LineRefund(1, quantity, amount),))
        try:
            check_refund(facts, refunds, refund)
        except CallerError:  # what cannot be refunded is no case
            continue
        refunds = (*refunds, refund)
        after = purchase_counts(rules, facts, refunds)
        assert after.keys() == before.keys()
        assert all(0 <= after[name] <= before[name] for name in after)
        before = after


# --- completions ----------------------------------------------------------------------------------------------------


def test_once_is_once_and_always_is_each_time() -> None:
    steps = on(*["2026-11-22"] * 7)
    assert new_keys(challenge(), steps, ()) == ("1",)
    assert new_keys(challenge(repeat="always"), steps, ()) == ("1", "2")
    assert new_keys(challenge(repeat="always"), steps, {"1"}) == ("2",)
    assert new_keys(challenge(), steps, {"1"}) == ()


def test_a_period_has_its_own_count() -> None:
    steps = [*on("2026-11-01", "2026-11-30", "2026-11-30"), *on("2026-12-01", "2026-12-02")]
    assert new_keys(challenge(period="month"), steps, ()) == ("2026-11/1",)
    assert new_keys(challenge(period="month", target=2, repeat="always"), steps, {"2026-11/1"}) == ("2026-12/1",)
    assert new_keys(challenge(period="year", target=5), steps, ()) == ("2026/1",)


def test_visits_are_days() -> None:
    steps = on("2026-11-01", "2026-11-01", "2026-11-02")
    assert new_keys(challenge({"kind": "visits"}), steps, ()) == ()
    assert new_keys(challenge({"kind": "visits"}), [*steps, *on("2026-11-05")], ()) == ("1",)


def test_a_streak_goes_on_over_the_end_of_a_year() -> None:
    weekly = challenge({"kind": "streak", "every": "week"}, repeat="always")
    assert new_keys(weekly, on("2026-12-21", "2026-12-31", "2027-01-04"), ()) == ("2027-W01/1",)
    monthly = challenge({"kind": "streak", "every": "month"})
    assert new_keys(monthly, on("2026-11-30", "2026-12-01", "2027-01-31"), ()) == ("2027-01/1",)
    assert new_keys(monthly, on("2026-11-30", "2027-01-31", "2027-02-01"), ()) == ()


def test_a_streak_in_progress_is_shown_until_its_period_is_missed() -> None:
    monthly = challenge({"kind": "streak", "every": "month"}, repeat="always")
    steps = on("2026-10-02", "2026-11-30")
    assert [progress(monthly, steps, day).counted for day in ("2026-11-30", "2026-12-31", "2027-01-01")] == [2, 2, 0]


def test_at_most_ten_come_at_once() -> None:
    many = challenge(repeat="always", target=1)
    first = new_keys(many, on("2026-11-22", amount=25), ())
    assert len(first) == AT_ONCE_MAX
    assert new_keys(many, on("2026-11-22", amount=25), first)[0] == "11"


steps_of = st.lists(
    st.builds(
        Counted,
        st.dates(date(2026, 1, 1), date(2026, 4, 30)).map(str),
        st.integers(0, 9),
    ),
    max_size=14,
)
kinds = st.sampled_from(
    [
        challenge(repeat="always"),
        challenge(),
        challenge({"kind": "spend"}, period="month", repeat="always"),
        challenge({"kind": "visits"}, period="week"),
        challenge({"kind": "streak", "every": "week"}, target=2, repeat="always"),
    ]
)


@given(one=kinds, steps=steps_of)
def test_what_was_given_is_not_due_again(one: Challenge, steps: list[Counted]) -> None:
    given_: set[str] = set()
    while due := new_keys(one, steps, given_):
        assert not given_ & set(due)
        given_ |= set(due)
    if one.repeat == "once" and one.period is None:
        assert len(given_) <= 1


@given(one=kinds, steps=steps_of, gone=st.integers(0, 13))
def test_taking_a_purchase_away_takes_back_just_what_it_completed(
    one: Challenge, steps: list[Counted], gone: int
) -> None:
    given_: set[str] = set()
    while due := new_keys(one, steps, given_):
        given_ |= set(due)
    after = [Counted(step.date, 0) if index == gone else step for index, step in enumerate(steps)]
    left = given_ - set(lost_keys(one, steps, after, given_))
    again: set[str] = set()
    while due := new_keys(one, after, again):
        again |= set(due)
    assert left <= again, "nothing stays that is not complete"
    if one.count.kind != "streak":  # a streak that is cut may be complete in another period
        assert left == again


@pytest.mark.parametrize(
    ("every", "name"), [("week", "2027-W52"), ("month", "2028-01"), ("quarter", "2028-Q1"), ("year", "2028")]
)
def test_periods_have_names(every: Any, name: str) -> None:
    assert period_of(every, "2028-01-01") == name


# --- words and contradictions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "target", "award", "why"),
    [
        ({"kind": "items", "skus": ["x"]}, 5, {"points": 3}, "3 points for 5 pieces"),
        ({"kind": "spend"}, 10_000, {"points": 1}, "1 point for 100.00 EUR spent"),
        ({"kind": "streak", "every": "week"}, 4, {"points": 9}, "9 points for 4 weeks in a row"),
        ({"kind": "visits"}, 1, {"reward": "free"}, "a voucher for free for 1 visit"),
        ({"kind": "orders"}, 2, {"badge": True}, "a badge for 2 purchases"),
    ],
)
def test_a_line_says_what_a_completion_gave(
    count: dict[str, Any], target: int, award: dict[str, Any], why: str
) -> None:
    rules = ruleset({"id": "one", "count": count, "target": target, "award": award})
    line = award_line(rules, "one/1")
    assert line is not None
    assert (line.rule, line.points, line.why) == ("challenge:one", award.get("points", 0), why)
    assert award_line(rules, "other/1") is None


@pytest.mark.parametrize(
    ("change", "place", "sentence"),
    [
        ({"from": "2026-05-02", "until": "2026-05-01"}, "/until", "must not lie before from"),
        ({"count": {"kind": "items"}}, "/count", "must name skus or categories"),
        ({"count": {"kind": "events", "event": "member.challenge"}}, "/count/event", "must be one of member.joined"),
        ({"count": {"kind": "streak", "every": "week"}, "period": "month"}, "/period", "has no effect on a streak"),
        ({"count": {"kind": "orders", "when": "order.totl > 1"}}, "/count/when", "totl"),
        ({"award": {"points": 1, "reward": "free"}}, "/award", "must have either points or reward"),
        ({"award": {"badge": False}}, "/award", "must have points, a reward or a badge"),
        ({"award": {"reward": "tea"}}, "/award/reward", "must be the id of a reward"),
        ({"award": {"badge": True}, "repeat": "always"}, "/award/badge", "completed once"),
    ],
)
def test_a_challenge_that_contradicts_itself_is_named(change: dict[str, Any], place: str, sentence: str) -> None:
    plain = {"id": "one", "count": {"kind": "orders"}, "target": 3, "award": {"points": 5}}
    (found,) = check_ruleset(ruleset(plain | change))
    assert found.pointer == "/challenges/0" + place
    assert sentence in found.detail


def test_two_challenges_have_two_ids() -> None:
    plain = {"id": "one", "count": {"kind": "orders"}, "target": 3, "award": {"points": 5}}
    assert [place.pointer for place in check_ruleset(ruleset(plain, plain))] == ["/challenges/1/id"]
