"""Vouchers with an end: what they buy until then, and what becomes of their points, exactly once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules
from sqlalchemy import delete, func, select, update

from token_service.errors import InvalidInput, VoucherExpired, VoucherUsed
from token_service.ledger import tables, views
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.due import next_due_at, run_due
from token_service.ledger.inputs import NewItem, NewReversal, NewVoucher, NewVoucherUse
from token_service.ledger.members import freeze, unfreeze
from token_service.ledger.merging import merge_members
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.redemptions import restore
from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.stock import set_stock, stock_of
from token_service.ledger.till_vouchers import open_rewards
from token_service.ledger.vouchers import buy_reward, check_voucher, list_vouchers, use_voucher

RULES = rules(
    rewards="""
  - {id: tea, kind: gift, points: 100, voucher_valid: P90D, on_expiry: give_back}
  - {id: cake, kind: gift, points: 60, voucher_valid: P90D, on_expiry: lose, per_member: {times: 2}}
  - {id: coffee, kind: gift, points: 40}
""",
    challenges="""
  - {id: card, count: {kind: items, categories: [tea]}, target: 5, award: {reward: tea}}
""",
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


@pytest.fixture
def member(town: Town) -> str:
    """Has 250 points."""
    member_id = town.member()
    town.issue(member_id, 250)
    return member_id


def buy(town: Town, member: str, reward: str = "tea") -> views.Voucher:
    return buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), reward, None)).value


def use(town: Town, voucher: views.Voucher) -> views.VoucherUse:
    return use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), str(voucher.code)))


def states(town: Town, member: str) -> dict[str, str]:
    return {one.reward_id: one.state for one in list_vouchers(town.context, Actor.member(member))}


def ends_told(town: Town) -> int:
    with town.context.store.read() as connection:
        query = select(func.count()).where(tables.facts.c.kind == "voucher_expired")
        return int(connection.execute(query).scalar_one())


def test_a_voucher_says_until_when_and_is_honoured_until_then(town: Town, member: str) -> None:
    bought = buy(town, member)
    assert bought.expires_at == town.clock.at + 90 * DAY - timedelta(hours=1), (
        "at the same local time: summer has begun"
    )
    town.clock.at = bought.expires_at - timedelta(seconds=1)
    assert check_voucher(town.context, town.alice, str(bought.code)).voucher.expires_at == bought.expires_at
    assert use(town, bought).voucher.state == "used"
    town.pass_time(2 * DAY)
    assert (states(town, member), ends_told(town)) == ({"tea": "used"}, 0)
    town.check()


def test_a_refusal_after_its_end_says_why_and_since_when_recorded_or_not(town: Town, member: str) -> None:
    bought = buy(town, member)
    assert bought.expires_at is not None
    town.clock.at = bought.expires_at
    for _ in range(2):
        refused = check_voucher(town.context, town.alice, str(bought.code))
        assert (refused.refusal, refused.facts) == ("voucher_expired", {"expired_at": bought.expires_at})
        assert refused.voucher.state == "expired"
        with pytest.raises(VoucherExpired):
            use(town, bought)
        assert (states(town, member), open_rewards(town.context, member)) == ({"tea": "expired"}, ())
        run_due(town.context)
    (shown,) = list_vouchers(town.context, Actor.member(member))
    assert (shown.code, shown.expires_at) == (None, bought.expires_at)


def test_without_the_key_a_voucher_has_no_end(town: Town, member: str) -> None:
    bought = buy(town, member, "coffee")
    assert bought.expires_at is None
    town.pass_time(4_000 * DAY)
    assert use(town, bought).voucher.state == "used"


def test_its_points_come_back_exactly_once_where_the_rules_say_so(town: Town, member: str) -> None:
    buy(town, member)
    assert town.balance(member).available == 150
    assert next_due_at(town.context) is not None
    report = town.pass_time(91 * DAY)
    assert (report.vouchers_expired, town.balance(member).available) == (1, 250)
    assert town.pass_time(DAY).vouchers_expired == 0
    assert town.moves(member) == [("issuance", 250), ("redemption", -100), ("restoration", 100)]
    assert next_due_at(town.context) is None
    town.check()


def test_its_points_are_lost_where_the_rules_say_that(town: Town, member: str) -> None:
    buy(town, member, "cake")
    assert town.pass_time(91 * DAY).vouchers_expired == 1
    assert (town.balance(member).available, ends_told(town)) == (190, 1)
    buy(town, member, "cake")
    standing = {one.id: one for one in list_reward_standings(town.context, town.alice, member)}["cake"]
    assert standing.refusal == {"reason": "had_already"}, "what was lost was had"
    town.check()


def test_what_came_back_counts_as_not_had_and_its_piece_goes_back_either_way(town: Town, member: str) -> None:
    for reward in ("tea", "cake"):
        set_stock(town.context, ADMIN, reward, 3)
        buy(town, member, reward)
    assert stock_of(town.context) == {"tea": 2, "cake": 2}
    town.pass_time(91 * DAY)
    assert stock_of(town.context) == {"tea": 3, "cake": 3}, "nobody got them"


def test_only_an_admin_with_a_reason_gives_back_what_was_lost_and_no_second_piece(town: Town, member: str) -> None:
    set_stock(town.context, ADMIN, "cake", 3)
    bought = buy(town, member, "cake")
    town.pass_time(91 * DAY)
    with pytest.raises(InvalidInput):
        restore(town.context, ADMIN, str(bought.redemption_id), NewReversal(town.reference()))
    restore(town.context, ADMIN, str(bought.redemption_id), NewReversal(town.reference(), reason="was in hospital"))
    assert (town.balance(member).available, states(town, member)) == (250, {"cake": "expired"})
    assert stock_of(town.context) == {"cake": 3}
    town.check()


def test_a_voucher_that_was_won_ends_without_points(town: Town, member: str) -> None:
    set_stock(town.context, ADMIN, "tea", 3)
    town.buy(member, 500, items=(NewItem(line=1, sku=None, category="tea", quantity=5, amount=500),))
    before = town.balance(member).available
    assert states(town, member) == {"tea": "open"}
    assert town.pass_time(91 * DAY).vouchers_expired == 1
    assert (states(town, member), town.balance(member).available) == ({"tea": "expired"}, before)
    assert stock_of(town.context) == {"tea": 3}, "it took none"
    town.check()


def test_a_refund_of_what_it_was_won_with_finds_it_over(town: Town, member: str) -> None:
    items = (NewItem(line=1, sku=None, category="tea", quantity=5, amount=500),)
    bought = town.buy(member, 500, items=items).value.id
    town.pass_time(91 * DAY)
    town.refund(bought, items=[(1, 5)])
    assert states(town, member) == {"tea": "expired"}
    town.check()


def test_those_of_a_frozen_member_wait_and_buy_nothing_meanwhile(town: Town, member: str) -> None:
    bought = buy(town, member)
    freeze(town.context, ADMIN, member, "a doubt")
    assert town.pass_time(91 * DAY).vouchers_expired == 0
    assert next_due_at(town.context) is None
    unfreeze(town.context, ADMIN, member, "looked at")
    with pytest.raises(VoucherExpired):
        use(town, bought)
    assert run_due(town.context).vouchers_expired == 1
    assert town.balance(member).available == 250


def test_nothing_ends_while_the_programme_pauses(town: Town, member: str) -> None:
    buy(town, member)
    with town.context.store.write() as connection:
        connection.execute(update(tables.program).values(paused=True))
    assert town.pass_time(91 * DAY).vouchers_expired == 0
    assert next_due_at(town.context) is None
    with town.context.store.write() as connection:
        connection.execute(update(tables.program).values(paused=False))
    assert run_due(town.context).vouchers_expired == 1


def test_a_backlog_puts_it_off(town: Town, member: str) -> None:
    buy(town, member)
    roomy, town.context = town.context, replace(town.context, backlog_limit=1)
    assert town.pass_time(91 * DAY).vouchers_expired == 0
    town.context = roomy
    assert run_due(town.context).vouchers_expired == 1
    town.check()


def test_points_come_back_to_a_closed_account_and_are_there_when_it_is_opened_again(town: Town, member: str) -> None:
    buy(town, member)
    close_member(town.context, ADMIN, member, "asked to", forfeit=True)
    assert town.pass_time(91 * DAY).vouchers_expired == 1
    reopen_member(town.context, ADMIN, member, "came back")
    assert town.balance(member).available == 100
    town.check()


def test_points_of_an_account_that_became_part_of_another_go_on_to_that_one(town: Town, member: str) -> None:
    kept = town.member()
    for _ in range(2):
        buy(town, member)
    merge_members(town.context, ADMIN, member, kept, "the same person")
    before = town.balance(kept).available
    assert town.pass_time(91 * DAY).vouchers_expired == 2
    assert town.balance(kept).available == before + 200
    assert town.moves(kept)[-1][1] == 200, "both had used points of one lot, which goes on whole"
    town.check()


def test_its_end_is_rebuilt_from_the_sources(town: Town, member: str) -> None:
    for reward in ("tea", "cake", "coffee"):
        buy(town, member, reward)
    town.pass_time(91 * DAY)
    before = list_vouchers(town.context, Actor.member(member))
    with town.context.store.write() as connection:
        connection.execute(delete(vouchers))
    assert len(check_rebuild(town.context)) == 3
    rebuild(town.context)
    assert list_vouchers(town.context, Actor.member(member)) == before
    assert sorted(states(town, member).values()) == ["expired", "expired", "open"]


def test_what_was_used_in_time_is_named_as_used_and_not_as_over(town: Town, member: str) -> None:
    bought = buy(town, member)
    use(town, bought)
    town.pass_time(91 * DAY)
    with pytest.raises(VoucherUsed):
        use(town, bought)


def test_two_runs_at_once_end_it_once(town: Town, member: str) -> None:
    buy(town, member)
    town.clock.forward(91 * DAY)

    def run(_number: int) -> Any:
        return run_due(town.context).vouchers_expired

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(run, range(3))) == [0, 0, 1]
    assert town.balance(member).available == 250
    town.check()
