"""Expiry models, return windows, lateness, manual limits and rewards."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InsufficientBalance, InvalidInput, LimitExceeded, RewardUnavailable, TooLate
from token_service.program.expiry import expires_at, restored_until
from token_service.program.limits import check_manual_issuance
from token_service.program.rewards import Whose, check_redemption, find_reward, price, value_of
from token_service.program.windows import award_due_at, check_not_too_late

from .baskets import NOON, PROGRAM, instants, ruleset_of

MODELS = [
    {"kind": "none"},
    {"kind": "fixed", "period": "P12M"},
    {"kind": "fixed", "period": "P12M", "round_to": "month_end"},
    {"kind": "period_end", "period": "month"},
    {"kind": "period_end", "period": "year", "periods": 1},
    {"kind": "inactivity", "period": "P6M"},
]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"kind": "none"}, None),
        ({"kind": "fixed", "period": "P12M"}, "2027-11-22T12:00+01:00"),
        ({"kind": "fixed", "period": "P12M", "round_to": "month_end"}, "2027-12-01T00:00+01:00"),
        ({"kind": "fixed", "period": "P7M", "round_to": "month_end"}, "2027-07-01T00:00+02:00"),
        ({"kind": "period_end", "period": "month"}, "2026-12-01T00:00+01:00"),
        ({"kind": "period_end", "period": "month", "periods": 3}, "2027-03-01T00:00+01:00"),
        ({"kind": "period_end", "period": "year"}, "2027-01-01T00:00+01:00"),
        ({"kind": "period_end", "period": "year", "periods": 1}, "2028-01-01T00:00+01:00"),
        ({"kind": "inactivity", "period": "P6M"}, "2027-05-22T12:00+02:00"),
    ],
)
def test_each_model_names_the_first_instant_without_the_points(model: dict[str, object], expected: str | None) -> None:
    expiry = expires_at(ruleset_of(expiry=model), NOON)
    assert expiry == (expected and datetime.fromisoformat(expected))


def test_without_a_model_points_never_expire() -> None:
    assert expires_at(ruleset_of(), NOON) is None


def test_inactivity_counts_from_the_last_activity() -> None:
    ruleset = ruleset_of(expiry={"kind": "inactivity", "period": "P30D"})
    assert expires_at(ruleset, NOON, NOON + timedelta(days=5)) == NOON + timedelta(days=35)
    assert expires_at(ruleset, NOON, NOON - timedelta(days=5)) == NOON + timedelta(days=30)


@given(st.sampled_from(MODELS), instants(2020, 2035), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_points_always_live_a_while_and_later_points_never_die_much_earlier(
    model, at: datetime, later: timedelta
) -> None:
    ruleset = ruleset_of(expiry=model)
    first, second = expires_at(ruleset, at), expires_at(ruleset, at + later)
    if first is None:
        assert second is None
    else:
        assert first > at
        assert first.tzinfo is UTC
        assert first <= second + timedelta(hours=1)


def test_restored_points_keep_their_date_or_get_the_grace() -> None:
    ruleset = ruleset_of(restoration_grace="P7D")
    assert restored_until(ruleset, None, NOON) is None
    assert restored_until(ruleset, NOON + timedelta(seconds=1), NOON) == NOON + timedelta(seconds=1)
    assert restored_until(ruleset, NOON, NOON) == NOON + timedelta(days=7)


def test_an_award_is_due_when_the_return_window_ends() -> None:
    assert award_due_at(ruleset_of(), NOON) == NOON
    assert award_due_at(ruleset_of(return_window="P14D"), NOON) == NOON + timedelta(days=14)


def test_lateness_is_bounded_when_the_ruleset_says_so() -> None:
    ruleset = ruleset_of(accept_late="P7D")
    check_not_too_late(ruleset_of(), NOON, NOON + timedelta(days=9999))
    check_not_too_late(ruleset, NOON, NOON + timedelta(days=7))
    with pytest.raises(TooLate):
        check_not_too_late(ruleset, NOON, NOON + timedelta(days=7, seconds=1))


def test_manual_issuances_have_a_limit_when_the_ruleset_says_so() -> None:
    ruleset = ruleset_of(limits={"manual_issuance_points": 500})
    check_manual_issuance(ruleset_of(), 10**15)
    check_manual_issuance(ruleset, 500)
    with pytest.raises(LimitExceeded) as refused:
        check_manual_issuance(ruleset, 501)
    assert refused.value.facts == {"key": "limits.manual_issuance_points", "limit": 500, "remaining": 500}
    with pytest.raises(LimitExceeded):
        check_manual_issuance(ruleset_of(limits={"manual_issuance_points": 0}), 1)


REWARDS = ruleset_of(
    program={**PROGRAM, "point_value": {"points": 100, "amount": 1000}},
    rewards=[{"id": "coffee", "kind": "gift", "points": 100, "name": {"fr": "Café", "en": "Coffee"}}],
)


NOW = {"whose": Whose(None), "at": datetime(2026, 11, 22, 11, tzinfo=UTC)}


def test_number_2_a_hundred_points_are_worth_ten_euros() -> None:
    assert [value_of(REWARDS, points) for points in (0, 1, 99, 100, 250)] == [0, 10, 990, 1000, 2500]
    assert value_of(ruleset_of(), 100) == 0
    thirds = ruleset_of(program={**PROGRAM, "point_value": {"points": 3, "amount": 1}})
    assert [value_of(thirds, points) for points in (2, 3, 5)] == [0, 1, 1]


def test_a_redemption_names_points_or_a_reward() -> None:
    assert price(find_reward(REWARDS, "coffee"), None) == 100
    assert check_redemption(REWARDS, points=None, reward_id="coffee", available=100, **NOW) == 100
    assert check_redemption(REWARDS, points=7, reward_id=None, available=7, **NOW) == 7
    for points, reward in ((None, None), (5, "coffee"), (0, None), (-1, None), (2**53, None)):
        with pytest.raises(InvalidInput):
            check_redemption(REWARDS, points=points, reward_id=reward, available=2**60, **NOW)
    with pytest.raises(RewardUnavailable):
        check_redemption(REWARDS, points=None, reward_id="tea", available=100, **NOW)
    with pytest.raises(InsufficientBalance) as refused:
        check_redemption(REWARDS, points=None, reward_id="coffee", available=60, **NOW)
    assert refused.value.facts == {"available": 60, "missing_points": 40}
