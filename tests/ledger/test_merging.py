"""Two accounts of one person become one: points with their dates, purchases, levels, visits, stamps, limits and codes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from ledger_town import ADMIN, DAY, TIERS, Make, Town, rules
from sqlalchemy import select

from token_service.errors import Conflict, Forbidden, InvalidInput, MemberFrozen, MemberLeaving, NotFound
from token_service.ledger import tables
from token_service.ledger.challenge_standings import list_challenges
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.due import run_due
from token_service.ledger.holds import hold
from token_service.ledger.inputs import NewHold, NewMember, NewVoucher, NewVoucherUse
from token_service.ledger.members import enrol, find_member, freeze, get_member
from token_service.ledger.merging import merge_members
from token_service.ledger.purchases import record_purchase, simulate_purchase
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.sessions import members_with_email
from token_service.ledger.till_vouchers import holder_of, open_rewards
from token_service.ledger.vouchers import buy_reward, get_voucher, list_vouchers, use_voucher

CARD = "[{id: card, count: {kind: orders}, target: 3, repeat: always, award: {points: 7}}]"
COFFEE = "[{id: coffee, kind: gift, points: 10, per_member: {times: 1}}]"


def merge(town: Town, member: str, into: str) -> str:
    return merge_members(town.context, ADMIN, member, into, "the same person").member.id


def available(town: Town, member: str) -> int:
    return town.balance(member).available


def both(town: Town) -> tuple[str, str]:
    return town.member(), town.member()


@pytest.fixture
def town(make: Make) -> Town:
    return make()


def test_points_come_with_their_dates_and_the_earliest_go_first(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P10D}"))
    old, kept = both(town)
    town.issue(old, 30)
    town.clock.forward(2 * DAY)
    town.issue(kept, 50)
    town.clock.forward(DAY)
    town.issue(old, 20)
    before = sorted((lot.at, lot.points) for member in (old, kept) for lot in town.balance(member).expiring)
    assert merge(town, old, kept) == kept
    assert sorted((lot.at, lot.points) for lot in town.balance(kept).expiring) == before
    assert [move for move in town.moves(kept) if move[0] == "move"] == [("move", 30), ("move", 20)]
    town.redeem(kept, 35)
    assert [lot.points for lot in town.balance(kept).expiring] == [45, 20]
    town.check()
    assert town.pass_time(9 * DAY + timedelta(hours=1)).points_expired == 45
    town.check()


def test_the_old_id_card_and_name_mean_the_account_that_stays(town: Town) -> None:
    old, kept = both(town)
    card = find_member(town.context, town.alice, get_member(town.context, ADMIN, old).external_id or "").external_id
    theirs = enrol(town.context, town.charlie, NewMember("charlies-name")).member.id
    town.buy(old, 1_000)
    merge(town, old, kept)
    merge(town, theirs, kept)
    assert find_member(town.context, town.alice, card or "").id == kept
    assert find_member(town.context, town.charlie, "charlies-name").id == kept
    assert town.buy(old, 500).value.member_id == kept
    assert town.buy(None, 700, external_id=card).value.member_id == kept
    assert town.redeem(theirs, 3, actor=town.charlie).value.member_id == kept
    assert [get_member(town.context, ADMIN, member).id for member in (old, theirs)] == [kept, kept]
    assert available(town, old) == available(town, kept) == 19
    again = enrol(town.context, town.alice, NewMember(card or ""))
    assert (again.created, again.member.id) == (False, kept)
    assert enrol(town.context, town.charlie, NewMember("charlies-name")).member.id == kept
    with pytest.raises(Conflict):
        enrol(town.context, town.charlie, NewMember("charlies-name", name="Somebody"))
    town.check()


def test_an_answer_that_was_lost_is_given_again_after_the_merge(town: Town) -> None:
    old, kept = both(town)
    card = get_member(town.context, ADMIN, old).external_id
    new = town.new_purchase(None, 1_000, external_id=card)
    first = record_purchase(town.context, town.alice, new)
    merge(town, old, kept)
    again = record_purchase(town.context, town.alice, new)
    assert (again.replayed, again.value.id) == (True, first.value.id)


def test_a_level_counts_what_both_bought(make: Make) -> None:
    town = make(rules(tiers=TIERS))
    old, kept = both(town)
    town.buy(old, 3_000)
    town.buy(kept, 2_500)
    assert get_member(town.context, ADMIN, kept).tier == "bronze"
    merge(town, old, kept)
    assert get_member(town.context, ADMIN, kept).tier == "gold"
    assert town.buy(kept, 100).value.points == 2
    town.check()
    run_due(town.context)
    assert get_member(town.context, ADMIN, kept).tier == "gold"


def test_visits_add_up_and_a_day_on_which_both_came_is_one(make: Make) -> None:
    third = '[{id: fifth, when: "visit.number == 5", award: {points: 100}}]'
    town = make(rules(campaigns=third))
    old, kept = both(town)
    for member in (old, kept, old):
        town.buy(member, 100)
        town.clock.forward(DAY)
    town.buy(kept, 100)
    town.buy(old, 100)
    merge(town, old, kept)
    assert check_rebuild(town.context) == []
    assert town.buy(kept, 100).value.points == 1
    assert check_rebuild(town.context) == []
    town.clock.forward(DAY)
    assert town.buy(kept, 100).value.points == 101
    town.check()


def test_stamps_add_up_and_no_card_is_full_twice(make: Make) -> None:
    town = make(rules(challenges=CARD))
    old, kept = both(town)
    for member, many in ((old, 5), (kept, 4)):
        for _ in range(many):
            town.buy(member, 100)
    assert (available(town, old), available(town, kept)) == (12, 11)
    merge(town, old, kept)
    assert list_challenges(town.context, ADMIN, kept)[0].times == 3
    town.check()
    assert [one.points for one in town.buy(kept, 100).value.completed] == [7]
    assert available(town, kept) == 12 + 11 + 1 + 7
    assert [len(town.buy(kept, 100).value.completed) for _ in range(3)] == [0, 1, 0]  # the fourth card with the twelfth
    town.check()


def test_a_purchase_of_the_other_account_is_given_back_from_its_own_points(make: Make) -> None:
    town = make(rules(challenges=CARD, limits="{per_member_day_points: 40}"))
    old, kept = both(town)
    bought = [town.buy(old, 1_000).value for _ in range(3)]
    town.issue(kept, 4)
    assert available(town, old) == 37
    merge(town, old, kept)
    assert available(town, kept) == 41
    assert town.buy(kept, 1_000).value.points == 3
    taken = town.refund(bought[0].id, 1_000).value
    assert (taken.member_id, taken.reversed, taken.debt) == (kept, 10, 0)
    assert town.buy(kept, 2_000).value.points == 10
    town.check()


def test_what_the_two_no_longer_have_is_owed_by_the_one(town: Town) -> None:
    old, kept = both(town)
    bought = town.buy(old, 5_000).value
    merge(town, old, kept)
    town.redeem(kept, 45)
    refunded = town.refund(bought.id, 5_000).value
    assert (refunded.reversed, refunded.debt) == (5, 45)
    town.issue(kept, 60)
    assert (available(town, kept), town.balance(kept).debt) == (15, 0)
    town.check()


def test_points_that_come_pay_what_is_owed(town: Town) -> None:
    old, kept = both(town)
    bought = town.buy(kept, 1_000).value
    town.redeem(kept, 10)
    town.refund(bought.id, 1_000)
    town.issue(old, 4)
    town.issue(old, 9)
    merge(town, old, kept)
    assert (available(town, kept), town.balance(kept).debt) == (3, 0)
    town.check()


def test_what_waits_for_its_return_window_becomes_points_of_the_one_that_stays(make: Make) -> None:
    town = make(rules(return_window="P5D"))
    old, kept = both(town)
    first, second = town.buy(old, 1_000).value, town.buy(old, 2_000).value
    town.buy(kept, 300)
    merge(town, old, kept)
    assert (town.balance(kept).pending, available(town, kept)) == (33, 0)
    town.check()
    assert town.refund(second.id, 500).value.pending_cancelled == 5
    town.check()
    town.pass_time(6 * DAY)
    assert (town.balance(kept).pending, available(town, kept)) == (0, 28)
    assert town.refund(first.id, 1_000).value.reversed == 10
    town.check()
    rebuild(town.context)
    town.check()


def test_a_redemption_of_the_other_account_comes_back_to_the_one_that_stays(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P30D}"))
    old, kept = both(town)
    town.issue(old, 50)
    spent = town.redeem(old, 20).value
    merge(town, old, kept)
    assert available(town, kept) == 30
    town.restore(spent.id, 5)
    town.check()
    town.restore(spent.id)
    assert available(town, kept) == 50
    assert len({lot.at for lot in town.balance(kept).expiring}) == 1
    town.check()


def test_limits_of_a_member_count_what_both_had(make: Make) -> None:
    once = "[{id: once, award: {points: 50}, limits: {per_member: {times: 1}}}]"
    town = make(rules(campaigns=once, rewards=COFFEE))
    old, kept = both(town)
    town.buy(old, 100)
    town.redeem(old, None, reward_id="coffee")
    merge(town, old, kept)
    assert town.buy(kept, 100).value.points == 1
    town.issue(kept, 100)
    (coffee,) = list_reward_standings(town.context, ADMIN, kept)
    assert coffee.refusal is not None
    town.check()


def test_a_voucher_keeps_its_code(make: Make) -> None:
    town = make(rules(rewards=COFFEE))
    old, kept = both(town)
    town.issue(old, 10)
    town.settle_all()
    code = buy_reward(town.context, Actor.member(old), NewVoucher("v-1", "coffee", 10)).value.code
    merge(town, old, kept)
    (voucher,) = list_vouchers(town.context, Actor.member(kept))
    assert voucher.code == code
    assert get_voucher(town.context, Actor.member(kept), voucher.id) == voucher
    assert open_rewards(town.context, kept) == ("coffee",)
    assert holder_of(town.context, voucher.id) == kept
    with pytest.raises(NotFound):
        get_voucher(town.context, Actor.member(town.member()), voucher.id)
    used = use_voucher(town.context, town.charlie, NewVoucherUse("u-1", code or ""))
    assert used.voucher.state == "used"
    town.check()
    rebuild(town.context)
    town.check()


def test_the_profile_is_filled_where_it_said_nothing(town: Town) -> None:
    old = enrol(
        town.context, town.alice, NewMember("a", email="ada@example.com", birth_date=date(1990, 5, 1))
    ).member.id
    kept = enrol(town.context, town.alice, NewMember("b", name="Ada")).member.id
    merge(town, old, kept)
    found = get_member(town.context, ADMIN, kept)
    assert (found.name, found.email, found.birth_date) == ("Ada", "ada@example.com", date(1990, 5, 1))
    assert [one.id for one in members_with_email(town.context, "ada@example.com")] == [kept]


def test_it_is_refused_where_something_would_be_lost(make: Make) -> None:
    town = make()
    old, kept = both(town)
    with pytest.raises(Forbidden):
        merge_members(town.context, town.alice, old, kept, "mine")
    with pytest.raises(InvalidInput):
        merge(town, old, old)
    with pytest.raises(NotFound):
        merge(town, old, "mem_nobody")
    town.issue(old, 20)
    hold(town.context, town.alice, NewHold("h-1", old, points=5, expires_in=timedelta(minutes=10)))
    with pytest.raises(Conflict) as refused:
        merge(town, old, kept)
    assert refused.value.facts["held"] == 5
    town.clock.forward(timedelta(minutes=11))
    freeze(town.context, ADMIN, kept, "looked at")
    with pytest.raises(MemberFrozen):
        merge(town, old, kept)
    third = town.member()
    close_member(town.context, ADMIN, third, "gone")
    with pytest.raises(MemberLeaving):
        merge(town, old, third)
    debtor, fine = both(town)
    bought = town.buy(debtor, 1_000).value
    town.redeem(debtor, 10)
    town.refund(bought.id, 1_000)
    with pytest.raises(Conflict) as owing:
        merge(town, debtor, fine)
    assert owing.value.facts["debt"] == 10
    merge(town, fine, debtor)
    town.check()


def test_it_can_be_repeated_and_nobody_becomes_part_of_two(town: Town) -> None:
    old, kept = both(town)
    third = town.member()
    town.issue(old, 10)
    for _ in range(2):
        assert merge(town, old, kept) == kept
    with pytest.raises(Conflict) as refused:
        merge(town, old, third)
    assert refused.value.facts["merged_into"] == kept
    assert reopen_member(town.context, ADMIN, old, "why").id == kept
    assert merge(town, kept, third) == third
    assert merge(town, old, third) == third
    assert town.buy(old, 100).value.member_id == third
    assert available(town, third) == 11
    town.check()
    rebuild(town.context)
    town.check()


def test_a_trial_names_the_account_that_stays(town: Town) -> None:
    old, kept = both(town)
    merge(town, old, kept)
    found = simulate_purchase(town.context, town.alice, town.new_purchase(old, 500))
    assert found.value is not None
    assert found.value.member_id == kept


def test_entries_stay_with_the_account_that_had_them(town: Town) -> None:
    old, kept = both(town)
    town.buy(old, 700)
    merge(town, old, kept)
    columns = tables.entries.c
    with town.context.store.read() as connection:
        rows = connection.execute(select(columns.member_id, columns.points, columns.party).order_by(columns.seq)).all()
    assert [(row.member_id, row.points) for row in rows] == [(old, 7), (old, -7), (kept, 7)]
    assert [row.party for row in rows[1:]] == [0, 0]
