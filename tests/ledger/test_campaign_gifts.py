"""Campaigns that give vouchers and badges: with the purchase, as often as they may, taken back by refunds."""

from __future__ import annotations

import pytest
from ledger_town import DAY, Make, Town, rules

from token_service.errors import VoucherCancelled
from token_service.ledger import views
from token_service.ledger.challenge_standings import list_badges, list_challenges
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewVoucherUse
from token_service.ledger.purchases import get_purchase, simulate_purchase
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.ledger.vouchers import list_vouchers, use_voucher
from token_service.program.ruleset import parse_ruleset

RULES = rules(
    rewards="[{id: free-coffee, kind: gift, points: 500}]",
    campaigns="[{id: big, when: order.total >= 5000, award: {voucher: free-coffee}, limits: {per_member: {times: 2}}}, "
    "{id: regular, when: visit.number >= 3, award: {badge: true}}]",
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def completed(purchase: views.Purchase) -> list[tuple[str, int, str | None]]:
    return [(one.challenge_id, one.points, one.reward_id) for one in purchase.completed]


def open_vouchers(town: Town, member: str) -> list[views.Voucher]:
    return [one for one in list_vouchers(town.context, Actor.member(member)) if one.state == "open"]


def badges(town: Town, member: str) -> list[str]:
    return [one.id for one in list_badges(town.context, town.alice, member)]


def test_a_campaign_gives_a_voucher_with_each_purchase_it_is_for_and_no_points(town: Town) -> None:
    """Issue 5: "campaigns", in the sketch `{voucher: free-coffee}`."""
    member = town.member()
    bought = [town.buy(member, total).value for total in (5_000, 4_999, 6_000, 7_000)]
    assert [completed(one) for one in bought] == [
        [("big", 0, "free-coffee")],
        [],
        [("big", 0, "free-coffee")],
        [],
    ], "two times in all"
    assert [one.points for one in bought] == [50, 49, 60, 70]
    assert [one.points for one in open_vouchers(town, member)] == [0, 0]
    town.check()


def test_a_refund_below_its_condition_takes_the_voucher_back(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 6_000).value
    (voucher,) = open_vouchers(town, member)
    town.refund(bought.id, 1_000)
    assert open_vouchers(town, member), "50.00 EUR are left"
    town.refund(bought.id, 1)
    assert open_vouchers(town, member) == []
    assert get_purchase(town.context, town.alice, bought.id).completed == ()
    assert voucher.code is not None
    with pytest.raises(VoucherCancelled):
        use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), voucher.code))
    assert completed(town.buy(member, 5_000).value) == [("big", 0, "free-coffee")]
    town.check()


def test_an_honoured_voucher_stays_and_counts(town: Town) -> None:
    member = town.member()
    bought = town.buy(member, 6_000).value
    code = open_vouchers(town, member)[0].code
    assert code is not None
    use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), code))
    town.refund(bought.id, 6_000)
    assert [len(town.buy(member, 5_000).value.completed) for _ in range(3)] == [0, 1, 0]
    town.check()


def test_a_badge_is_given_once_and_goes_with_what_won_it(town: Town) -> None:
    """In the sketch `{badge: regular}`."""
    member = town.member()
    won = []
    for _ in range(4):
        won.append(town.buy(member, 1_000).value)
        town.clock.forward(DAY)
    assert [completed(one) for one in won] == [[], [], [("regular", 0, None)], []]
    assert badges(town, member) == ["regular"]
    town.refund(won[2].id, 1_000)
    assert badges(town, member) == ["regular"], "the fourth visit is one, too"
    town.refund(won[3].id, 1_000)
    assert badges(town, member) == []
    town.check()


def test_it_is_no_challenge_to_look_forward_to(town: Town) -> None:
    assert list_challenges(town.context, town.alice, town.member()) == ()


def test_a_try_says_what_it_gives_and_gives_nothing(town: Town) -> None:
    member = town.member()
    tried = simulate_purchase(town.context, town.alice, town.new_purchase(member, 5_000)).value
    assert tried is not None
    assert completed(tried) == [("big", 0, "free-coffee")]
    assert open_vouchers(town, member) == []


def test_a_draft_tells_how_many_vouchers_it_would_have_given(make: Make) -> None:
    town = make(rules())
    member = town.member()
    for _ in range(3):
        town.buy(member, 5_000)
    found = replay_purchases(town.context, parse_ruleset(RULES), 30)
    assert (found.given, found.other) == (150, 150)
    assert found.other_challenges.vouchers == 2
