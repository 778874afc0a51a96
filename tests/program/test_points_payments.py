"""How many of the points that paid part of a purchase its refunds give back: properties, and each figure by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import CallerError
from token_service.program.facts import ItemFacts, MemberFacts, PurchaseFacts, VisitFacts, local_time
from token_service.program.points_payments import covers, points_back, still_to_give
from token_service.program.refunds import LineRefund, Refund, check_refund
from token_service.program.ruleset import parse_ruleset

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
RULES = parse_ruleset(
    "ruleset: 1\n"
    "program: {name: Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}\n"
    "earning: [{id: base, kind: spend, points: 1, per: 100}]\n"
)


def bought(total: int, *items: tuple[int, int]) -> PurchaseFacts:
    """`items` are (quantity, amount)."""
    return PurchaseFacts(
        occurred_at=NOON,
        local=local_time(NOON, "Europe/Paris"),
        currency="EUR",
        total=total,
        tax=0,
        shipping=0,
        discount=0,
        paid_with_points=1_000,
        items=tuple(
            ItemFacts(line, None, None, quantity, amount, 0, 0) for line, (quantity, amount) in enumerate(items, 1)
        ),
        channel=None,
        store=None,
        merchant="mrc_1",
        member=MemberFacts(tier=None, age_days=0, purchases=0, day_points=0),
        visit=VisitFacts(1, 1),
        paid_by="red_1",
    )


def test_a_part_gives_its_share_rounded_down_and_the_last_one_the_rest() -> None:
    facts = bought(3_000)
    first, second = Refund(1_000), Refund(2_000)
    assert points_back(100, facts, (first,)) == 33
    assert still_to_give(100, facts, (first, second), restored=33) == 67


def test_lines_count_with_what_came_back_of_them() -> None:
    facts = bought(3_000, (2, 2_000), (1, 2_000))
    assert points_back(100, facts, (Refund(0, (LineRefund(1, 1, 750),)),)) == 25
    everything = Refund(0, (LineRefund(1, 2, 1_500), LineRefund(2, 1, 1_500)))
    assert points_back(100, facts, (everything,)) == 100


def test_where_points_paid_all_of_it_the_lines_say_the_share() -> None:
    facts = bought(0, (2, 600), (1, 400))
    assert points_back(101, facts, (Refund(0, (LineRefund(1, 1, 0),)),)) == 30
    assert points_back(101, facts, (Refund(0, (LineRefund(1, 2, 0), LineRefund(2, 1, 0))),)) == 101


def test_what_came_back_on_its_own_is_not_given_a_second_time() -> None:
    facts = bought(3_000)
    assert still_to_give(100, facts, (Refund(1_500),), restored=20) == 30
    assert still_to_give(100, facts, (Refund(1_500),), restored=80) == 0
    assert still_to_give(100, facts, (Refund(3_000),), restored=100) == 0


@pytest.mark.parametrize(
    ("points", "amount", "is_covered"), [(100, 1_000, True), (99, 1_000, False), (101, 1_000, True)]
)
def test_points_cover_what_they_are_worth(points: int, amount: int, is_covered: bool) -> None:
    assert covers(RULES, points, amount) is is_covered


@given(
    total=st.integers(1, 100_000),
    points=st.integers(1, 10**6),
    cuts=st.lists(st.integers(1, 50_000), max_size=6),
    own=st.integers(0, 10**6),
)
def test_refunds_never_give_more_than_was_spent_nor_twice_and_a_full_one_gives_all(
    total: int, points: int, cuts: list[int], own: int
) -> None:
    """Whatever is given back on its own in between."""
    facts, refunds, restored = bought(total), (), min(own, points)
    for amount in [*cuts, None]:
        left = total - sum(one.total for one in refunds)
        refund = Refund(left if amount is None else amount)
        try:
            check_refund(facts, refunds, refund)
        except CallerError:
            continue
        refunds = (*refunds, refund)
        given_now = still_to_give(points, facts, refunds, restored=restored)
        restored += given_now
        assert 0 <= restored <= points
        assert given_now == 0 or restored == points_back(points, facts, refunds)
    assert restored == points
