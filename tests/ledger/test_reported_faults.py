"""What users of other loyalty systems reported (reference/loyalty-systems.md): each a story that must end well here."""

from __future__ import annotations

import pytest
from ledger_town import DAY, TIERS, Make, Town, rules

from token_service.errors import AlreadyReversed, InsufficientBalance, LimitExceeded, ReferenceConflict
from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewItem
from token_service.ledger.members import get_member
from token_service.ledger.purchases import get_purchase, simulate_purchase
from token_service.ledger.rebuild import rebuild
from token_service.ledger.tier_outlook import get_tier
from token_service.program.tiers import Measures


def test_buying_and_refunding_over_and_over_mints_nothing(town: Town) -> None:
    member = town.member()
    for _ in range(5):
        town.refund(town.buy(member, 10_000).value.id, 10_000)
    assert town.balance(member).available == 0
    town.check()


def test_buying_spending_and_refunding_mints_nothing_either(town: Town) -> None:
    member = town.member()
    for _ in range(3):
        bought = town.buy(member, 10_000)
        available = town.balance(member).available
        if available:
            town.redeem(member, available)
        town.refund(bought.value.id, 10_000)
    balance = town.balance(member)
    assert (balance.available, balance.debt) == (0, 100)
    with pytest.raises(InsufficientBalance):
        town.redeem(member, 1)
    town.check()


def test_a_cancelled_order_gives_spent_points_back_and_takes_earned_ones(town: Town) -> None:
    member = town.member()
    town.issue(member, 200)
    spent = town.redeem(member, 150)
    order = town.buy(member, 8_500, paid_with_points=1_500)
    town.refund(order.value.id, 8_500)
    town.restore(spent.value.id)
    assert town.balance(member).available == 200
    town.check()


def test_a_replayed_event_awards_once_also_much_later(make: Make) -> None:
    town = make(rules(return_window="P14D"))
    member = town.member()
    new = town.new_purchase(member, 1_000, reference="order-1")
    first = town.buy(member, 1_000, reference="order-1", occurred_at=new.occurred_at)
    town.pass_time(400 * DAY)
    again = town.buy(member, 1_000, reference="order-1", occurred_at=new.occurred_at)
    assert (again.replayed, again.value.id) == (True, first.value.id)
    assert town.moves(member) == [("issuance", 10)]
    town.check()


def test_posting_a_redemption_twice_spends_once(town: Town) -> None:
    member = town.member()
    town.issue(member, 100)
    town.redeem(member, 60, reference="voucher")
    assert town.redeem(member, 60, reference="voucher").replayed
    with pytest.raises(ReferenceConflict):
        town.redeem(member, 61, reference="voucher")
    assert town.balance(member).available == 40
    town.check()


def test_every_batch_that_expires_is_listed_soonest_first(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P60D}"))
    member = town.member()
    for points in (10, 20, 30):
        town.issue(member, points)
        town.clock.forward(DAY)
    assert [lot.points for lot in town.balance(member).expiring] == [10, 20, 30]
    town.redeem(member, 15)
    assert [lot.points for lot in town.balance(member).expiring] == [15, 30]
    town.pass_time(58 * DAY)
    assert town.balance(member).available == 30
    assert town.balance(member).lifetime.expired == 15
    town.check()


def test_a_partial_return_by_quantity_keeps_the_rest(town: Town) -> None:
    items = (NewItem(line=1, sku="plate", amount=6_000, quantity=6),)
    bought = town.buy(town.member(), 6_000, items=items)
    assert town.refund(bought.value.id, None, items=((1, 2),)).value.kept == 40
    assert get_purchase(town.context, town.alice, bought.value.id).kept == 40
    town.check()


def test_the_lowest_tier_starts_at_nothing_and_the_threshold_itself_counts(make: Make) -> None:
    town = make(rules(tiers=TIERS))
    member = town.member()
    assert get_member(town.context, town.alice, member).tier == "bronze"
    assert town.buy(member, 4_999).value.points == 49
    assert get_member(town.context, town.alice, member).tier == "bronze"
    town.buy(member, 1)
    known = get_member(town.context, town.alice, member)
    assert (known.tier, known.next_tier) == ("gold", None)
    assert town.buy(member, 1_000).value.points == 20
    town.check()


def test_redeeming_does_not_lower_a_tier_and_a_refund_does(make: Make) -> None:
    town = make(rules(tiers=TIERS))
    member = town.member()
    bought = town.buy(member, 6_000)
    town.redeem(member, 60)
    assert get_member(town.context, town.alice, member).tier == "gold"
    town.refund(bought.value.id, 2_000)
    assert get_member(town.context, town.alice, member).tier == "bronze"
    town.check()


def test_a_tier_goes_down_when_its_window_has_passed(make: Make) -> None:
    town = make(rules(tiers=TIERS))
    member = town.member()
    town.buy(member, 6_000)
    assert town.pass_time(364 * DAY).tiers_changed == 0
    assert town.pass_time(2 * DAY).tiers_changed == 1
    assert get_member(town.context, town.alice, member).tier == "bronze"
    assert run_due(town.context).tiers_changed == 0
    town.check()


def test_a_level_that_is_kept_at_less_than_it_takes_is_lost_below_that(make: Make) -> None:
    """Issue 5: "entry, keep and downgrade policies"."""
    town = make(rules(tiers=TIERS.replace("from: 5000", "from: 5000, keep: 3000")))
    member, other = town.member(), town.member()
    town.buy(member, 2_500)
    town.pass_time(100 * DAY)
    town.buy(member, 3_000)
    town.buy(other, 3_000)
    assert get_tier(town.context, town.alice, member).keep == 3_000
    town.pass_time(270 * DAY)
    assert get_member(town.context, town.alice, member).tier == "gold"
    assert get_member(town.context, town.alice, other).tier == "bronze"
    ahead = get_tier(town.context, town.alice, member).downgrade
    assert ahead is not None
    assert (ahead.to, ahead.missing) == ("bronze", 3_000)
    rebuild(town.context)
    assert town.pass_time(100 * DAY).tiers_changed == 1
    town.check()


def test_points_that_wait_count_from_the_purchase_on_so_that_their_issuance_changes_no_level(make: Make) -> None:
    levels = "levels: [{id: bronze, from: 0}, {id: gold, from: 50}]"
    tiers = f"{{qualify_by: points, window: {{kind: rolling, period: P12M}}, {levels}}}"
    town = make(rules(tiers=tiers, return_window="P14D"))
    member = town.member()
    town.buy(member, 6_000)
    before = get_tier(town.context, town.alice, member)
    assert (town.balance(member).pending, before.tier, before.measures.points) == (60, "gold", 60)
    assert town.pass_time(15 * DAY).tiers_changed == 0
    assert town.balance(member).available == 60
    assert get_tier(town.context, town.alice, member) == before
    assert before.projected.at is not None
    town.pass_time(before.projected.at - town.clock())
    assert get_member(town.context, town.alice, member).tier == before.projected.tier == "bronze"
    town.check()


def test_number_36_each_measure_is_reported_separately_net_of_refunds(make: Make) -> None:
    town = make(rules(tiers=TIERS, return_window="P14D"))
    member = town.member()
    town.buy(member, 2_000)
    back = town.buy(member, 1_000)
    town.refund(back.value.id, 1_000)
    held = get_tier(town.context, town.alice, member)
    assert held.measures == Measures(spend=2_000, points=20, orders=1, engagement=0)
    assert held.figure == held.measures.spend


def test_the_preview_is_the_award(make: Make) -> None:
    town = make(rules(tiers=TIERS, limits="{per_order_points: 70}"))
    member = town.member()
    for total in (1, 99, 4_900, 5_000, 9_999):
        new = town.new_purchase(member, total)
        preview = simulate_purchase(town.context, town.alice, new).value
        made = town.buy(member, total, reference=new.reference).value
        assert preview is not None
        assert (preview.points, preview.breakdown, preview.tier) == (made.points, made.breakdown, made.tier)
    town.check()


def test_an_issuance_by_hand_has_its_limit_and_is_taken_back_once(make: Make) -> None:
    town = make(rules(limits="{manual_issuance_points: 500}"))
    member = town.member()
    with pytest.raises(LimitExceeded):
        town.issue(member, 501)
    issued = town.issue(member, 500)
    town.reverse(issued.value.id, 200)
    town.reverse(issued.value.id)
    with pytest.raises(AlreadyReversed):
        town.reverse(issued.value.id)
    assert town.balance(member).available == 0
    town.check()


def test_points_kept_alive_by_activity_expire_after_the_last(make: Make) -> None:
    town = make(rules(expiry="{kind: inactivity, period: P30D}"))
    member = town.member()
    town.buy(member, 1_000)
    town.pass_time(20 * DAY)
    town.buy(member, 100)
    town.pass_time(20 * DAY)
    assert town.balance(member).available == 11
    town.redeem(member, 1)
    town.pass_time(29 * DAY)
    assert town.balance(member).available == 10
    town.pass_time(2 * DAY)
    assert town.moves(member)[-1] == ("expiry", -10)
    town.check()


def test_a_restored_reward_whose_points_had_expired_has_a_grace(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P10D}", restoration_grace="P30D"))
    member = town.member()
    town.issue(member, 50)
    spent = town.redeem(member, 50)
    town.pass_time(20 * DAY)
    town.restore(spent.value.id)
    assert town.pass_time(29 * DAY).points_expired == 0
    assert town.pass_time(2 * DAY).points_expired == 50
    town.check()


def test_a_reward_has_its_price(make: Make) -> None:
    town = make(rules(rewards="[{id: coffee, kind: gift, points: 100}]"))
    member = town.member()
    town.issue(member, 99)
    with pytest.raises(InsufficientBalance) as refusal:
        town.redeem(member, None, reward_id="coffee")
    assert refusal.value.facts["missing_points"] == 1
    town.issue(member, 1)
    bought = town.redeem(member, None, reward_id="coffee").value
    assert (bought.points, bought.value.amount, bought.reward_id) == (100, 1_000, "coffee")
    town.check()
