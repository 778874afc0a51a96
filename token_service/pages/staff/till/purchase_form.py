"""What was typed of a purchase: an amount, or lines. Read from the address (looking) or the body (recording) alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Final

from werkzeug.datastructures import MultiDict

from token_service.ledger.inputs import NewItem, NewPurchase
from token_service.pages.staff.till.amounts import parse_amount, parse_amount_or_zero, parse_whole
from token_service.program.earning import purchase_rules
from token_service.program.ruleset import Ruleset
from token_service.units import POINTS_MAX

LINES_MAX: Final = 50
WORD_LENGTH_MAX: Final = 200
QUANTITY_MAX: Final = 100_000
CHANNEL: Final = "store"


@dataclass(frozen=True)
class LineForm:
    """One line as typed."""

    category: str = ""
    sku: str = ""
    quantity: str = "1"
    amount: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed that would be lost."""
        return not (self.category or self.sku or self.amount)


@dataclass(frozen=True)
class PurchaseForm:
    """The fields as typed; with lines, `total` is not asked."""

    total: str = ""
    tax: str = ""
    paid_with_points: str = ""
    paid_by: str = ""
    lines: tuple[LineForm, ...] = ()

    @property
    def query(self) -> dict[str, list[str]]:
        """The same fields again, for an address or hidden fields."""
        found = {"total": [self.total], "tax": [self.tax], "paid_with_points": [self.paid_with_points]}
        found["paid_by"] = [self.paid_by]
        for name in ("category", "sku", "quantity", "amount"):
            found[name] = [getattr(line, name) for line in self.lines]
        return {name: values for name, values in found.items() if any(values)}


@dataclass
class Parsed:
    """The purchase, or which field is wrong: by the id of the field, the kind of mistake."""

    total: int = 0
    tax: int = 0
    paid_with_points: int = 0
    paid_by: str | None = None
    items: tuple[NewItem, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)

    def purchase(self, *, reference: str, at: datetime, member_id: str, store_id: str | None) -> NewPurchase:
        """What the ledger is asked: the same for the preview and for every time the form is sent."""
        return NewPurchase(
            reference,
            at,
            self.total,
            member_id=member_id,
            tax=self.tax,
            paid_with_points=self.paid_with_points,
            paid_by=self.paid_by,
            items=self.items,
            channel=CHANNEL,
            store_id=store_id,
        )


def read_form(values: MultiDict[str, str]) -> PurchaseForm:
    """The form that a browser sent; lines in their order, at most 50, those with nothing in them left out."""
    columns = [values.getlist(name) for name in ("category", "sku", "quantity", "amount")]
    rows = [LineForm(*(_clean(text) for text in row)) for row in zip_longest(*columns, fillvalue="")]
    return PurchaseForm(
        total=_clean(values.get("total", "")),
        tax=_clean(values.get("tax", "")),
        paid_with_points=_clean(values.get("paid_with_points", "")),
        paid_by=_clean(values.get("paid_by", "")),
        lines=tuple(row for row in rows if not row.is_empty)[:LINES_MAX],
    )


def parse(form: PurchaseForm, currency: str) -> Parsed:
    """The purchase in minor units, with every mistake named."""
    parsed = Parsed()
    if form.lines:
        parsed.items = tuple(_items(form.lines, currency, parsed.errors))
        parsed.paid_with_points = _or_zero(form.paid_with_points, "paid_with_points", currency, parsed.errors)
        parsed.total = sum(item.amount for item in parsed.items) - parsed.paid_with_points
        if sum(item.amount for item in parsed.items) > POINTS_MAX:
            parsed.errors["amount-1"] = "amount"
        parsed.paid_by = form.paid_by or None
        if parsed.paid_by and not parsed.paid_with_points:
            parsed.errors.setdefault("paid_with_points", "empty")
        if parsed.total < 0:
            parsed.errors["paid_with_points"] = "above"
    else:
        total = parse_amount(form.total, currency)
        if total is None:
            parsed.errors["total"] = "amount" if form.total else "empty"
        parsed.total = total or 0
    parsed.tax = _or_zero(form.tax, "tax", currency, parsed.errors)
    if not parsed.errors and parsed.tax > parsed.total:
        parsed.errors["tax"] = "above"
    return parsed


def taxes_count(rules: Ruleset) -> bool:
    """Whether some rule counts what is left without tax: only then a till asks for it."""
    given = (*purchase_rules(rules), *(campaign.award for campaign in rules.campaigns))
    return any(getattr(one, "basis", None) == "net" for one in given)


def _items(lines: tuple[LineForm, ...], currency: str, errors: dict[str, str]) -> list[NewItem]:
    found = []
    for number, line in enumerate(lines, start=1):
        amount, quantity = parse_amount(line.amount, currency), parse_whole(line.quantity or "1")
        if amount is None:
            errors[f"amount-{number}"] = "amount" if line.amount else "empty"
        if quantity is None or not 1 <= quantity <= QUANTITY_MAX:
            errors[f"quantity-{number}"] = "quantity"
        found.append(
            NewItem(number, amount or 0, sku=line.sku or None, category=line.category or None, quantity=quantity or 1)
        )
    return found


def _or_zero(typed: str, name: str, currency: str, errors: dict[str, str]) -> int:
    amount = parse_amount_or_zero(typed, currency)
    if amount is None:
        errors[name] = "amount"
    return amount or 0


def _clean(text: str) -> str:
    """Printable, trimmed, not longer than the ledger takes."""
    return "".join(character for character in text if character.isprintable()).strip()[:WORD_LENGTH_MAX]
