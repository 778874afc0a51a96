"""A history with every kind of leaf that a ledger makes by itself: for each kind of entry and fact one member who has it, so that
a lie about one is told apart from a lie about another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ledger_town import ADMIN, Town

from token_service.errors import CallerError
from token_service.ledger.benefit_using import reverse_use, use_benefit
from token_service.ledger.causes import create_cause, list_causes
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor
from token_service.ledger.deliveries import tell_delivery
from token_service.ledger.donations import donate
from token_service.ledger.due import run_due
from token_service.ledger.events import send_event
from token_service.ledger.holds import hold, release
from token_service.ledger.import_inputs import NewImport, OpeningAccount, OpeningLot
from token_service.ledger.imports import declare_import
from token_service.ledger.inputs import (
    NewBenefitUse,
    NewDelivery,
    NewDonation,
    NewEvent,
    NewHold,
    NewMember,
    NewOrder,
    NewRenewal,
    NewUseReversal,
    NewVoucher,
    NewVoucherReversal,
    NewVoucherUse,
)
from token_service.ledger.members import enrol, freeze, get_member, unfreeze
from token_service.ledger.merging import merge_members
from token_service.ledger.opening_balances import bring_in
from token_service.ledger.referrals import get_invitation
from token_service.ledger.segments import set_segments
from token_service.ledger.standing_orders import renew, set_standing_order
from token_service.ledger.views import BenefitUsed
from token_service.ledger.voucher_undoing import undo_use
from token_service.ledger.vouchers import buy_reward, use_voucher

DAY = timedelta(days=1)
Key = tuple[str, str | None] | tuple[str, str | None, str]
"""Kind of leaf and of its operation, as the auditor's CHECKS name them; perhaps with a rule that such a leaf may come under."""
RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning:
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: review, kind: event, event: review.written, points: 20}
  - {id: friend, kind: event, event: member.referred, points: 15}
schedules: [{id: week, every: week, points: 10, when: '"press" in member.segments'}]
tiers:
  qualify_by: spend
  window: {kind: rolling, period: P12M}
  levels: [{id: bronze, from: 0, benefits: [{id: lounge, times: 2}]}, {id: gold, from: 100000}]
segments: [{id: press}, {id: regulars}]
donations: {min_points: 30, causes: [Refuge]}
expiry: {kind: fixed, period: P30D}
return_window: P10D
delivery: {channels: [online], within: P20D, otherwise: lapse}
limits: {manual_issuance_points: 300, adjustment_points: 500, per_member_day_points: 1200, count_manual: true}
redemption: {min_points: 20}
rewards:
  - {id: coffee, kind: gift, points: 40}
  - {id: tenth, kind: discount, points: 40, discount: {percent: 10}, min_total: 2000}
  - {id: cake, kind: gift, points: 40, voucher_valid: P5D, on_expiry: give_back}
  - {id: meal, kind: donation, points: 40, cause: Refuge}
"""


def histories(town: Town) -> dict[Key, str]:
    """Makes all of it; the member of each kind."""
    members = {key: town.member() for stage in (FIRST, AFTER_THE_WINDOW) for key in stage}
    for stage, pause in ((FIRST, 11 * DAY), (AFTER_THE_WINDOW, 31 * DAY)):
        for key, live in stage.items():
            live(town, members[key])
        town.clock.forward(pause)
        run_due(town.context)
    for member in members.values():  # behind each there is one more, so that a leaf that is left out is missed
        _one_more(town, member)
    return members


def _one_more(town: Town, member: str) -> None:
    try:
        set_segments(town.context, ADMIN, member, ("regulars",))
    except CallerError:
        unfreeze(town.context, ADMIN, member, "to say one more thing")
        set_segments(town.context, ADMIN, member, ("regulars",))


def _buy(cents: int) -> Callable[[Town, str], None]:
    def live(town: Town, member: str) -> None:
        town.buy(member, cents)

    return live


def _cut(town: Town, member: str) -> None:
    """Refunded in part while the award waits."""
    town.refund(town.buy(member, 5_000).value.id, 2_000)


def _order(*, delivered: bool) -> Callable[[Town, str], None]:
    """An order of a web shop, which waits for its delivery."""

    def live(town: Town, member: str) -> None:
        order = town.buy(member, 3_000, channel="online").value.id
        if delivered:
            tell_delivery(town.context, town.alice, order, NewDelivery(town.reference()))

    return live


def _issue(town: Town, member: str) -> None:
    town.issue(member, 120)


def _event(kind: str) -> Callable[[Town, str], None]:
    def live(town: Town, member: str) -> None:
        send_event(town.context, town.alice, NewEvent(town.reference(), kind, town.clock.at, member))

    return live


def _adjust(town: Town, member: str) -> None:
    town.adjust(member, 70)


def _bring_in(town: Town, member: str) -> None:
    """Points from an earlier programme."""
    name, merchant = get_member(town.context, town.alice, member).external_id, str(town.alice.merchant_id)
    accounts = [OpeningAccount(2, NewMember(str(name), merchant_id=merchant), (OpeningLot(2, "old-1", 80),))]
    new = NewImport("ab" * 32, "Old Club", merchant, 1, 80)
    made = declare_import(town.context, ADMIN, new, points_to_come=80)
    bring_in(town.context, ADMIN, made.id, new, accounts)


def _hold(town: Town, member: str) -> None:
    town.issue(member, 50)
    held = hold(town.context, town.alice, NewHold(town.reference(), member, 30)).value.id
    release(town.context, town.alice, held)


def _redeem(town: Town, member: str) -> None:
    town.issue(member, 90)
    town.redeem(member, None, reward_id="coffee")


def _restore(town: Town, member: str) -> None:
    town.issue(member, 90)
    town.restore(town.redeem(member, 50).value.id, 20)


def _donate(town: Town, member: str) -> None:
    town.issue(member, 90)
    donate(town.context, town.alice, NewDonation(town.reference(), member, 30, _refuge(town)))


def _donate_by_a_reward(town: Town, member: str) -> None:
    town.issue(member, 90)
    _refuge(town)
    donate(town.context, town.alice, NewDonation(town.reference(), member, reward_id="meal"))


def _refuge(town: Town) -> str:
    known = [one.id for one in list_causes(town.context)]
    return known[0] if known else create_cause(town.context, ADMIN, "Refuge").id


def _reverse(town: Town, member: str) -> None:
    town.reverse(town.issue(member, 90).value.id, 40)


def _owe(town: Town, member: str) -> None:
    """All spent, then taken back: all is owed."""
    issued = town.issue(member, 90).value.id
    town.redeem(member, 90)
    town.reverse(issued, 90)


def _label(town: Town, member: str) -> None:
    set_segments(town.context, ADMIN, member, ("press", "regulars"))


def _renew(town: Town, member: str) -> None:
    """Points are used on a bill by the member's standing order."""
    town.issue(member, 90)
    set_standing_order(town.context, Actor.member(member), member, 50)
    renew(town.context, town.alice, NewRenewal(town.reference(), 500, member))


def _freeze(town: Town, member: str) -> None:
    freeze(town.context, ADMIN, member, "a doubt")
    unfreeze(town.context, ADMIN, member, "looked at")


def _close(town: Town, member: str) -> None:
    close_member(town.context, ADMIN, member, "asked to", forfeit=False)
    reopen_member(town.context, ADMIN, member, "came back")


def _merge(town: Town, member: str) -> None:
    """Another account becomes part of this one."""
    other = town.member()
    town.issue(other, 60)
    merge_members(town.context, ADMIN, other, member, "the same person")


def _merged(town: Town, member: str) -> None:
    """This account becomes part of another one."""
    town.issue(member, 60)
    merge_members(town.context, ADMIN, member, town.member(), "the same person")


def _voucher(town: Town, member: str) -> None:
    town.issue(member, 90)
    code = buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), "coffee", 40)).value.code
    use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), str(code)))


def _voucher_back(town: Town, member: str) -> None:
    """A voucher is used by mistake, which is undone, and used for good."""
    town.issue(member, 90)
    voucher = buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), "coffee", 40)).value
    use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), str(voucher.code)))
    undo_use(town.context, town.alice, voucher.id, NewVoucherReversal(town.reference(), reason="a mistake"))
    use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), str(voucher.code)))


def _voucher_for_an_order(town: Town, member: str) -> None:
    town.issue(member, 90)
    code = buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), "tenth", 40)).value.code
    use_voucher(town.context, town.alice, NewVoucherUse(town.reference(), str(code), order=NewOrder(2_600)))


def _use(town: Town, member: str) -> BenefitUsed:
    return use_benefit(town.context, town.alice, member, "lounge", NewBenefitUse(town.reference())).use


def _use_once(town: Town, member: str) -> None:
    _use(town, member)


def _take_use_back(town: Town, member: str) -> None:
    used = _use(town, member)
    new = NewUseReversal(town.reference(), "a mistake")
    reverse_use(town.context, town.alice, new, use_id=used.id, member_id=member, benefit="lounge")


def _refer(town: Town, member: str) -> None:
    """Somebody whom the member invited buys for good, and gives it back all the same."""
    code = get_invitation(town.context, ADMIN, member).code
    friend = enrol(town.context, town.alice, NewMember(town.reference(), referral_code=code)).member.id
    purchase = town.buy(friend, 1_000).value.id
    town.clock.forward(11 * DAY)
    run_due(town.context)
    town.refund(purchase, 1_000)


def _issue_all_day(town: Town, member: str) -> None:
    """As much as a member may have in a day."""
    for points in (280, 280, 280, 280, 80):
        town.issue(member, points)


def _spend_the_least(town: Town, member: str) -> None:
    town.issue(member, 90)
    town.redeem(member, 20)


def _voucher_end(town: Town, member: str) -> None:
    town.issue(member, 90)
    buy_reward(town.context, Actor.member(member), NewVoucher(town.reference(), "cake", 40))


def _late_refund(town: Town, member: str, *, spent: int) -> None:
    """A purchase of eleven days ago comes back in part, after so many of its points were spent."""
    bought = town.buy(member, 5_000, occurred_at=town.clock.at - 11 * DAY).value.id
    if spent:
        town.redeem(member, spent)
    town.refund(bought, 4_000)


def _refund_paid(town: Town, member: str) -> None:
    """A purchase that points paid in part comes back in part."""
    town.issue(member, 90)
    paid_by = town.redeem(member, 50).value.id
    town.refund(town.buy(member, 2_000, paid_with_points=500, paid_by=paid_by).value.id, 1_000)


def _refund_of_nothing(town: Town, member: str) -> None:
    """A refund that takes no point: the whole euros are left."""
    town.refund(town.buy(member, 5_099, occurred_at=town.clock.at - 11 * DAY).value.id, 99)


FIRST: dict[Key, Callable[[Town, str], None]] = {
    ("award_pending", "purchase"): _buy(2_390),
    ("issuance", "purchase"): _buy(4_200),
    ("purchase", "purchase"): _buy(99),
    ("issuance", "event"): _event("review.written"),
    ("event", "event"): _event("unheard.of"),
    ("issuance", "issuance"): _issue,
    ("adjustment", "adjustment"): _adjust,
    ("adjustment", "adjustment", "import"): _bring_in,
    ("held", "hold"): _hold,
    ("released", "hold"): _hold,
    ("redemption", "redemption"): _redeem,
    ("donation", "donation"): _donate,
    ("donation", "donation", "least"): _donate,
    ("donation", "donation", "cause"): _donate,
    ("donation", "donation", "reward"): _donate_by_a_reward,
    ("restoration", "restoration"): _restore,
    ("award_cut", "refund"): _cut,
    ("delivery", "delivery"): _order(delivered=True),
    ("award_lapsed", "lapse"): _order(delivered=False),
    ("issuance", "purchase", "delivery"): _order(delivered=True),
    ("reversal", "reversal"): _reverse,
    ("debt", "reversal"): _owe,
    ("expiry", None): _issue,
    ("tier", None): _buy(100_000),
    ("segments", None): _label,
    ("standing_order", None): _renew,
    ("redemption", "redemption", "renewal"): _renew,
    ("frozen", None): _freeze,
    ("unfrozen", None): _freeze,
    ("closed", None): _close,
    ("reopened", None): _close,
    ("merged_in", "merge"): _merge,
    ("merged", "merge"): _merged,
    ("move", "merge"): _merge,
    ("voucher_used", None): _voucher,
    ("voucher_used", None, "order"): _voucher_for_an_order,
    ("voucher_reversal", "voucher_reversal"): _voucher_back,
    ("benefit_use", "benefit_use"): _use_once,
    ("use_reversal", "use_reversal"): _take_use_back,
    ("issuance", "event", "schedule"): _label,
    ("issuance", "issuance", "day"): _issue_all_day,
    ("redemption", "redemption", "least"): _spend_the_least,
    ("voucher_expired", None): _voucher_end,
    ("restoration", "restoration", "refund"): _refund_paid,
}
AFTER_THE_WINDOW: dict[Key, Callable[[Town, str], None]] = {
    ("refund", "refund"): _refund_of_nothing,
    ("reversal", "refund"): lambda town, member: _late_refund(town, member, spent=0),
    ("debt", "refund"): lambda town, member: _late_refund(town, member, spent=50),
    ("reversal", "reversal", "referral"): _refer,  # the last one, as time passes in it
}
