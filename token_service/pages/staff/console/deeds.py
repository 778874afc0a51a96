"""The trail in plain words: one whole sentence for each kind of action, with the figures that were noted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from token_service.ledger.staff_trail import Action
from token_service.pages import formats
from token_service.pages.breakdown import benefit_named, membership_named_in_words, plain_id
from token_service.pages.services import services
from token_service.pages.staff.console.roles import role_name
from token_service.pages.translation import gettext, ngettext


@dataclass(frozen=True)
class Told:
    """A line of the trail and its sentence; `role` in words."""

    action: Action
    sentence: str
    role: str


def told(action: Action) -> Told:
    """The action in the page's language; one of a kind that this page does not know keeps its name."""
    say = _SENTENCES.get(action.action)
    sentence = say(action.detail) if say is not None else plain_id(action.action.replace(".", " "))
    return Told(action, sentence, role_name(action.staff_role))


def _adjusted(detail: Mapping[str, Any]) -> str:
    points, available = detail.get("points", 0), detail.get("available", 0)
    values = {"points": formats.number(abs(points)), "balance": formats.number(available)}
    if points > 0:
        return ngettext(
            "Added %(points)s point; %(balance)s could be used afterwards.",
            "Added %(points)s points; %(balance)s could be used afterwards.",
            points,
            **values,
        )
    return ngettext(
        "Took away %(points)s point; %(balance)s could be used afterwards.",
        "Took away %(points)s points; %(balance)s could be used afterwards.",
        -points,
        **values,
    )


def _published(detail: Mapping[str, Any]) -> str:
    at, zone = _instant(detail, "effective_at"), services().ruleset().program.time_zone
    if at is None:
        return gettext("Published rules.")
    return gettext(
        "Published rules that act from %(day)s at %(time)s.", day=formats.day(at, zone), time=formats.clock(at, zone)
    )


def _merchant_made(detail: Mapping[str, Any]) -> str:
    return gettext("Made this merchant. %(ceiling)s", ceiling=_ceiling(detail))


def _ceiling_changed(detail: Mapping[str, Any]) -> str:
    at, zone = _instant(detail, "acts_at"), services().ruleset().program.time_zone
    if at is None:
        return gettext("Changed the ceiling at once. %(ceiling)s", ceiling=_ceiling(detail))
    day = formats.day(at, zone)
    return gettext("Ordered another ceiling from %(day)s on. %(ceiling)s", day=day, ceiling=_ceiling(detail))


def _ceiling(detail: Mapping[str, Any]) -> str:
    points, seconds = formats.number(detail.get("ceiling_points", 0)), detail.get("ceiling_period_seconds", 0)
    if not seconds:
        return gettext("At most %(points)s points in all.", points=points)
    period = formats.lasting_seconds(seconds)
    return gettext("At most %(points)s points in each period of %(period)s.", points=points, period=period)


def _store_made(detail: Mapping[str, Any]) -> str:
    return gettext("Added the store “%(name)s”.", name=str(detail.get("external_id", "")))


def _key_made(detail: Mapping[str, Any]) -> str:
    return gettext("Made an API key for the whole programme.") if detail.get("admin") else gettext("Made an API key.")


def _key_revoked(detail: Mapping[str, Any]) -> str:
    if detail.get("admin"):
        return gettext("Revoked an API key of the whole programme.")
    return gettext("Revoked an API key.")


def _person_added(detail: Mapping[str, Any]) -> str:
    return gettext("Added somebody to the staff as %(role)s.", role=role_name(str(detail.get("role", ""))).lower())


def _purchase_recorded(detail: Mapping[str, Any]) -> str:
    points = int(detail.get("points", 0))
    amount = formats.money(int(detail.get("total", 0)), services().ruleset().program.currency)
    return ngettext(
        "Recorded a purchase of %(amount)s that earned %(points)s point.",
        "Recorded a purchase of %(amount)s that earned %(points)s points.",
        points,
        amount=amount,
        points=formats.number(points),
    )


def _import_declared(detail: Mapping[str, Any]) -> str:
    points = int(detail.get("points", 0))
    return ngettext(
        "Vouched for %(points)s point from %(name)s.",
        "Vouched for %(points)s points from %(name)s.",
        points,
        points=formats.number(points),
        name=_source(detail),
    )


def _source(detail: Mapping[str, Any]) -> str:
    return str(detail.get("source", ""))


def _proposed(detail: Mapping[str, Any]) -> str:
    return gettext("Proposed a correction of %(points)s points.", points=formats.signed(int(detail.get("points", 0))))


def _approved(detail: Mapping[str, Any]) -> str:
    return gettext(
        "Approved a correction of %(points)s points; %(available)s could be used then.",
        points=formats.signed(int(detail.get("points", 0))),
        available=formats.number(int(detail.get("available", 0))),
    )


def _declined(detail: Mapping[str, Any]) -> str:
    return gettext("Declined a correction of %(points)s points.", points=formats.signed(int(detail.get("points", 0))))


def _points_redeemed(detail: Mapping[str, Any]) -> str:
    points = int(detail.get("points", 0))
    return ngettext(
        "Took %(points)s point in at the till.",
        "Took %(points)s points in at the till.",
        points,
        points=formats.number(points),
    )


def _points_asked(detail: Mapping[str, Any]) -> str:
    points = int(detail.get("points", 0))
    return ngettext(
        "Asked the member to sign for %(points)s point.",
        "Asked the member to sign for %(points)s points.",
        points,
        points=formats.number(points),
    )


def _redemption_reversed(detail: Mapping[str, Any]) -> str:
    points = int(detail.get("points", 0))
    return ngettext(
        "Gave %(points)s used point back.",
        "Gave %(points)s used points back.",
        points,
        points=formats.number(points),
    )


def _benefit(detail: Mapping[str, Any]) -> str:
    return benefit_named(services().ruleset(), str(detail.get("benefit", "")))


def _membership_sold(detail: Mapping[str, Any]) -> str:
    rules = services().ruleset()
    amount = formats.money(int(detail.get("paid", 0)), rules.program.currency)
    name = membership_named_in_words(rules, str(detail.get("membership", "")))
    return gettext("Sold the membership “%(name)s” for %(amount)s.", name=name, amount=amount)


def _membership_refunded(detail: Mapping[str, Any]) -> str:
    rules = services().ruleset()
    amount = formats.money(int(detail.get("paid_back", 0)), rules.program.currency)
    name = membership_named_in_words(rules, str(detail.get("membership", "")))
    return gettext("Refunded the membership “%(name)s”: %(amount)s.", name=name, amount=amount)


def _instant(detail: Mapping[str, Any], key: str) -> datetime | None:
    value = detail.get(key)
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _segmented(detail: Mapping[str, Any]) -> str:
    names = ", ".join(map(str, detail.get("segments", ())))
    return (
        gettext("Put the member in these segments: %(names)s.", names=names)
        if names
        else gettext("Took the member out of every segment.")
    )


def fields_named(fields: Iterable[str]) -> str:
    """The fields of a member's own data, in words."""
    words = {
        "birth_date": gettext("birth date"),
        "email": gettext("e-mail address"),
        "locale": gettext("language"),
        "name": gettext("name"),
    }
    return ", ".join(words.get(one, one) for one in fields)


def _corrected(detail: Mapping[str, Any]) -> str:
    return gettext("Corrected the member’s data: %(fields)s.", fields=fields_named(detail.get("fields", ())))


_SENTENCES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "member.adjusted": _adjusted,
    "adjustment.proposed": _proposed,
    "adjustment.approved": _approved,
    "adjustment.declined": _declined,
    "import.declared": _import_declared,
    "import.approved": lambda detail: gettext("Let members and points from %(name)s come in.", name=_source(detail)),
    "import.declined": lambda detail: gettext("Declined members and points from %(name)s.", name=_source(detail)),
    "member.frozen": lambda _: gettext("Froze the member."),
    "member.closed": lambda _: gettext("Closed the account."),
    "member.reopened": lambda _: gettext("Opened the account again."),
    "member.segmented": _segmented,
    "member.corrected": _corrected,
    "merge.asked": lambda _: gettext("Asked to make this account part of another one."),
    "merge.declined": lambda _: gettext("Declined to make this account part of another one."),
    "member.merged": lambda _: gettext("Made another account part of this one."),
    "member.unfrozen": lambda _: gettext("Unfroze the member."),
    "ruleset.drafted": lambda _: gettext("Kept a draft of rules."),
    "ruleset.published": _published,
    "merchant.made": _merchant_made,
    "merchant.ceiling_changed": _ceiling_changed,
    "store.made": _store_made,
    "key.made": _key_made,
    "key.revoked": _key_revoked,
    "person.added": _person_added,
    "person.password_reset": lambda _: gettext("Gave somebody of the staff a new first password."),
    "person.disabled": lambda _: gettext("Closed the door to somebody of the staff."),
    "person.enabled": lambda _: gettext("Let somebody of the staff in again."),
    "purchase.recorded": _purchase_recorded,
    "purchase.delivered": lambda _: gettext("Told the delivery of a purchase."),
    "purchase.refunded": lambda _: gettext("Refunded a purchase."),
    "points.redeemed": _points_redeemed,
    "points.asked": _points_asked,
    "quote.cancelled": lambda _: gettext("Called off what a member was asked to sign."),
    "redemption.reversed": _redemption_reversed,
    "membership.sold": _membership_sold,
    "membership.refunded": _membership_refunded,
    "voucher.used": lambda _: gettext("Honoured a voucher."),
    "voucher.undone": lambda _: gettext("Undid the use of a voucher."),
    "benefit.used": lambda detail: gettext("Let a benefit be used: %(benefit)s.", benefit=_benefit(detail)),
    "benefit.undone": lambda detail: gettext("Undid the use of a benefit: %(benefit)s.", benefit=_benefit(detail)),
}
