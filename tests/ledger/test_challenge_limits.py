"""Budgets of challenges and of campaigns' vouchers: never exceeded, given back with what is taken back."""

from __future__ import annotations

from datetime import timedelta

from ledger_town import Make, Town, rules

from token_service.ledger import views
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewVoucherUse
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.ledger.vouchers import list_vouchers, use_voucher
from token_service.program.ruleset import parse_ruleset

REWARDS = "[{id: free-coffee, kind: gift, points: 500}]"
CARD = (
    "[{id: card, count: {kind: orders}, target: 2, repeat: always, award: {reward: free-coffee}, limits: %s}, "
    "{id: spree, count: {kind: spend}, target: 9000, repeat: always, award: {points: 50}, limits: {budget_points: 70}}]"
)
OPENING = "[{id: opening, when: order.total >= 5000, award: {voucher: free-coffee}, limits: %s}]"


def gave(purchase: views.Purchase) -> list[tuple[str, int, str | None]]:
    return [(one.challenge_id, one.points, one.reward_id) for one in purchase.completed]


def open_vouchers(town: Town, member: str) -> list[views.Voucher]:
    return [one for one in list_vouchers(town.context, Actor.member(member)) if one.state == "open"]


def test_a_challenges_budgets_in_points_and_vouchers_are_given_back_when_reversed(make: Make) -> None:
    """Issue 5: "campaign budgets in points and money, given back when reversed", for challenges and vouchers as well."""
    town = make(rules(rewards=REWARDS, challenges=CARD % "{budget_vouchers: 1}"))
    ann, ben, cleo = town.member(), town.member(), town.member()
    town.buy(ann, 4_500)
    first = town.buy(ann, 4_500).value
    assert gave(first) == [("card", 0, "free-coffee"), ("spree", 50, None)]
    town.buy(ben, 4_500)
    assert gave(town.buy(ben, 4_500).value) == [("card", 0, None), ("spree", 20, None)], (
        "1 voucher and 70 points in all"
    )
    assert open_vouchers(town, ben) == []
    town.refund(first.id, 4_500)
    assert open_vouchers(town, ann) == []
    town.buy(cleo, 4_500)
    assert gave(town.buy(cleo, 4_500).value) == [("card", 0, "free-coffee"), ("spree", 50, None)]
    town.check()


def test_an_honoured_voucher_stays_spent(make: Make) -> None:
    town = make(rules(rewards=REWARDS, campaigns=OPENING % "{budget_vouchers: 1}"))
    ann, ben = town.member(), town.member()
    bought = town.buy(ann, 5_000).value
    code = open_vouchers(town, ann)[0].code
    assert code is not None
    use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), code))
    town.refund(bought.id, 5_000)
    assert gave(town.buy(ben, 5_000).value) == [("opening", 0, None)]
    town.check()


def test_a_completion_without_its_voucher_can_be_taken_back_too(make: Make) -> None:
    town = make(rules(rewards=REWARDS, campaigns=OPENING % "{budget_vouchers: 1}"))
    ann, ben = town.member(), town.member()
    given = town.buy(ann, 5_000).value
    without = town.buy(ben, 5_000).value
    town.refund(without.id, 5_000)
    town.refund(given.id, 5_000)
    assert gave(town.buy(ben, 5_000).value) == [("opening", 0, "free-coffee")]
    town.check()


def test_a_member_has_a_campaigns_voucher_so_often_in_a_stretch_of_time(make: Make) -> None:
    town = make(rules(rewards=REWARDS, campaigns=OPENING % "{per_member: {times: 1, every: P7D}, budget_vouchers: 3}"))
    ann = town.member()
    found = []
    for _ in range(3):
        found.append(gave(town.buy(ann, 5_000).value))
        town.clock.forward(timedelta(days=4))
    assert found == [[("opening", 0, "free-coffee")], [("opening", 0, None)], [("opening", 0, "free-coffee")]]
    town.check()


def test_several_completions_at_once_share_what_is_left(make: Make) -> None:
    card = "[{id: card, count: {kind: spend}, target: 1000, repeat: always, award: {reward: free-coffee}, limits: %s}]"
    town = make(rules(rewards=REWARDS, challenges=card % "{budget_vouchers: 2}"))
    assert [one[2] for one in gave(town.buy(town.member(), 4_000).value)] == ["free-coffee", "free-coffee", None, None]
    town.check()
    found = replay_purchases(
        town.context, parse_ruleset(rules(rewards=REWARDS, challenges=card % "{budget_vouchers: 3}")), 30
    )
    assert (found.given_challenges.vouchers, found.other_challenges.vouchers) == (2, 3)


def test_a_replay_under_the_same_rules_gives_the_same(make: Make) -> None:
    text = rules(
        rewards=REWARDS,
        challenges=CARD % "{budget_vouchers: 3, per_member: {times: 1, every: P3D}}",
        campaigns=OPENING % "{per_member: {times: 1, every: P2D}, budget_vouchers: 2}",
    )
    town = make(text)
    ann, ben = town.member(), town.member()
    for total in (5_000, 4_500, 6_000, 9_000):
        for member in (ann, ben):
            town.buy(member, total)
        town.clock.forward(timedelta(days=1))
    found = replay_purchases(town.context, parse_ruleset(text), 30)
    assert found.given_challenges == found.other_challenges
    assert (found.given_challenges.points, found.given_challenges.vouchers) == (70, 4)
    town.check()
