"""The memberships that a till sells, as they stand for a customer: the price, what each gives, since when and until when it is
held, and what may be refunded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from token_service.ledger.memberships import list_memberships
from token_service.ledger.views import Membership as BoughtPeriod
from token_service.pages.breakdown import membership_named_in_words, own_name
from token_service.pages.memberships_in_words import gives_in_words, lasts, rewards_in_words
from token_service.pages.services import services
from token_service.pages.staff.signed_in import person
from token_service.program.memberships import Period, Stretch, membership_named, stretch_at
from token_service.program.ruleset import Ruleset


@dataclass(frozen=True)
class Plan:
    """A membership in words; `price` in minor units of a period that lasts `period`."""

    id: str
    name: str
    price: int
    period: str
    gives: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """A membership as a customer has it: `plan` None if the rules no longer sell it, `stretch` None if it is not held; the paid
    periods that have not ended, oldest first, and which of them this shop sold and may refund.
    """

    name: str
    plan: Plan | None
    stretch: Stretch | None
    is_grace: bool
    periods: tuple[BoughtPeriod, ...]
    refundable: frozenset[str]


def plan_of(rules: Ruleset, membership_id: str) -> Plan | None:
    """The membership of that id as these rules sell it, or None."""
    one = membership_named(rules, membership_id)
    if one is None:
        return None
    gives = (*gives_in_words(one, rules), *rewards_in_words(one, rules))
    return Plan(one.id, own_name(one), one.price, lasts(one), gives)


def standings(member_id: str, rules: Ruleset) -> list[Standing]:
    """What the customer holds or has paid ahead, then what else is sold, each in the order of the rules."""
    sold = [one.id for one in rules.memberships]
    kept = _kept(member_id)
    had = {one.membership for one in kept if _is_alive(one)}
    names = sorted(dict.fromkeys((*sold, *sorted(had))), key=lambda name: name not in had)
    return [_standing(rules, name, [one for one in kept if one.membership == name]) for name in names]


def can_refund(sold: BoughtPeriod) -> bool:
    """Whether the period runs or is still to come: what is over was used, also while its grace lasts, and is the programme's to
    put right. One that was refunded leads to what says so.
    """
    return sold.ended_at is not None or sold.ends_at > services().context.now()


def later_periods(member_id: str, sold: BoughtPeriod) -> list[BoughtPeriod]:
    """The periods of the same membership that begin behind it."""
    return [one for one in _kept(member_id) if one.membership == sold.membership and one.starts_at > sold.starts_at]


def _kept(member_id: str) -> list[BoughtPeriod]:
    """The customer's periods that were not refunded, by beginning; also those that are over."""
    bought = list_memberships(services().context, person().actor, member_id)
    return sorted((one for one in bought if one.ended_at is None), key=lambda one: one.starts_at)


def _is_alive(one: BoughtPeriod) -> bool:
    """Whether the period runs, is in its grace, or is paid ahead."""
    return one.keeps_until > services().context.now()


def _standing(rules: Ruleset, name: str, kept: Sequence[BoughtPeriod]) -> Standing:
    now, alive = services().context.now(), [one for one in kept if _is_alive(one)]
    stretch = stretch_at((Period(name, one.starts_at, one.ends_at, one.keeps_until) for one in kept), name, now)
    return Standing(
        name=membership_named_in_words(rules, name),
        plan=plan_of(rules, name),
        stretch=stretch,
        is_grace=stretch is not None and stretch.until <= now,
        periods=tuple(alive),
        refundable=frozenset(one.id for one in alive if can_refund(one) and one.merchant_id == person().merchant_id),
    )
