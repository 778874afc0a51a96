"""One purchase typed in by hand, as the facts that rules read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import request

from token_service.errors import InvalidInput
from token_service.pages.services import services
from token_service.pages.staff.console.forms import Words, money_amount, whole_number
from token_service.pages.staff.console.forms import field as typed
from token_service.pages.translation import gettext
from token_service.program.facts import ItemFacts, MemberFacts, PurchaseFacts, VisitFacts, local_time
from token_service.program.ruleset import Ruleset

LINES = 4
SMALL_MAX = 1_000_000
FIELDS = ("total", "tax", "shipping", "at", "channel", "tier", "purchases", "age_days", "day_points", "visit")


@dataclass
class TypedPurchase:
    """What stands in the form, and what is wrong with it by field."""

    values: dict[str, str]
    lines: list[dict[str, str]]
    mistakes: Words = field(default_factory=Words)


def empty_purchase() -> TypedPurchase:
    """The form with a purchase of today that most rules reward."""
    zone = ZoneInfo(services().ruleset().program.time_zone)
    now = services().context.now().astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    values = dict.fromkeys(FIELDS, "") | {"total": "50", "at": now, "channel": "store", "purchases": "5"}
    values |= {"age_days": "100", "visit": "6"}
    return TypedPurchase(values, [_line({}) for _ in range(LINES)])


def read_purchase() -> TypedPurchase:
    """The form as it was sent."""
    values = {name: typed(name, 60) for name in FIELDS}
    lines = [
        _line({name: typed(f"{name}-{index}", 60) for name in ("category", "sku", "quantity", "amount")})
        for index in range(LINES)
    ]
    return TypedPurchase(values, lines)


def facts_of(given: TypedPurchase, ruleset: Ruleset) -> PurchaseFacts | None:
    """The facts; None with `mistakes` filled where something cannot be. Lines alone give the total."""
    currency, zone = ruleset.program.currency, ruleset.program.time_zone
    money = {name: _money(given, name, currency) for name in ("total", "tax", "shipping")}
    counts = {name: _count(given, name) for name in ("purchases", "age_days", "day_points", "visit")}
    at = _at(given, zone)
    items = _items(given, currency)
    if items:
        money["total"] = sum(item.amount for item in items) + money["shipping"]
    if given.mistakes or at is None:
        return None
    try:
        return PurchaseFacts(
            occurred_at=at,
            local=local_time(at, zone),
            currency=currency,
            total=money["total"],
            tax=money["tax"],
            shipping=money["shipping"],
            discount=0,
            paid_with_points=0,
            items=items,
            channel=given.values["channel"] or None,
            store=None,
            merchant="",
            member=MemberFacts(
                given.values["tier"] or None, counts["age_days"], counts["purchases"], counts["day_points"]
            ),
            visit=VisitFacts(max(1, counts["visit"]), 1),
        )
    except InvalidInput:
        given.mistakes["total"] = gettext("Tax and delivery are parts of the total, and the total is not that large.")
        return None


def _line(values: dict[str, str]) -> dict[str, str]:
    return {"category": "", "sku": "", "quantity": "", "amount": ""} | values


def _money(given: TypedPurchase, name: str, currency: str) -> int:
    text = given.values[name]
    amount = money_amount(text, currency) if text else 0
    if amount is None:
        given.mistakes[name] = gettext("Write an amount, for example 23.90.")
    return amount or 0


def _count(given: TypedPurchase, name: str) -> int:
    text = given.values[name]
    count = whole_number(text, SMALL_MAX) if text else 0
    if count is None:
        given.mistakes[name] = gettext("Write a whole number.")
    return count or 0


def _at(given: TypedPurchase, zone: str) -> datetime | None:
    try:
        return datetime.strptime(given.values["at"], "%Y-%m-%dT%H:%M").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        given.mistakes["at"] = gettext("Choose a day and a time.")
        return None


def _items(given: TypedPurchase, currency: str) -> tuple[ItemFacts, ...]:
    items = []
    for number, line in enumerate(given.lines, start=1):
        if not any(line.values()):
            continue
        amount = money_amount(line["amount"], currency)
        quantity = whole_number(line["quantity"] or "1", SMALL_MAX)
        if amount is None or quantity is None:
            given.mistakes["lines"] = gettext("Each line needs an amount, and whole pieces.")
            continue
        items.append(ItemFacts(number, line["sku"] or None, line["category"] or None, quantity, amount))
    return tuple(items)


def chosen_rules() -> str | None:
    """The hash of the stored version that the form is about; None for a text."""
    return request.form.get("hash") or None
