"""What a purchase keeps after refunds: what its own ruleset and facts give for what is left of it (DESIGN §3.4).

A campaign counts on what is left only if it held for the purchase and after every refund since, and no refund ever
raises the award: so more refunded never keeps more, and a full refund keeps nothing, whatever a condition says. What is
left: basket.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import floor
from typing import Any

from token_service.errors import InvalidInput, RefundExceedsPurchase
from token_service.program.basket import Basket, left_of, whole
from token_service.program.earning import Award, award_for, award_of, running_campaigns
from token_service.program.facts import PurchaseFacts
from token_service.program.schema import Ruleset
from token_service.units import POINTS_MAX


@dataclass(frozen=True, slots=True)
class LineRefund:
    """Pieces and money given back for one line of the purchase; cents."""

    line: int
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund: `amount` cents that name no line, and lines."""

    amount: int
    items: tuple[LineRefund, ...] = ()

    @property
    def total(self) -> int:
        """All the money given back."""
        return self.amount + sum(item.amount for item in self.items)

    def to_json(self) -> dict[str, Any]:
        return {"amount": self.amount, "items": [asdict(item) for item in self.items]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Refund:
        """The refund that `to_json` wrote. Raises InvalidInput for anything else."""
        try:
            return cls(document["amount"], tuple(LineRefund(**item) for item in document["items"]))
        except (KeyError, TypeError) as error:
            raise InvalidInput("This is not a refund.") from error


def refundable(facts: PurchaseFacts, refunds: tuple[Refund, ...]) -> int:
    """Cents that can still be given back."""
    return facts.total - sum(refund.total for refund in refunds)


def resolve_line(
    facts: PurchaseFacts, refunds: tuple[Refund, ...], *, line: int, quantity: int, amount: int | None
) -> LineRefund:
    """The refund of some pieces of a line. Without an amount: their share of what was paid for the line, rounded down;
    with the last piece, all that is left of it.

    Raises InvalidInput for an unknown line or pieces that were not bought.
    """
    bought = next((candidate for candidate in whole(facts).lines if candidate.item.line == line), None)
    if bought is None:
        raise InvalidInput("The purchase has no such line.")
    earlier = [item for refund in refunds for item in refund.items if item.line == line]
    pieces_left = bought.item.quantity - sum(item.quantity for item in earlier)
    if not 0 <= quantity <= pieces_left:
        raise RefundExceedsPurchase("More pieces than were bought and kept.", refundable=refundable(facts, refunds))
    if amount is None:
        money_left = max(0, floor(bought.paid) - sum(item.amount for item in earlier))
        is_last = quantity == pieces_left
        amount = money_left if is_last else min(money_left, floor(bought.paid * quantity / bought.item.quantity))
        amount = min(amount, refundable(facts, refunds))
    return LineRefund(line=line, quantity=quantity, amount=amount)


def check_refund(facts: PurchaseFacts, earlier: tuple[Refund, ...], refund: Refund) -> None:
    """Raises RefundExceedsPurchase when more would be given back than is left, InvalidInput when the refund says nothing."""
    figures = [refund.amount, *(figure for item in refund.items for figure in (item.quantity, item.amount))]
    if any(type(figure) is not int or not 0 <= figure <= POINTS_MAX for figure in figures):
        raise InvalidInput("Amounts and quantities must be whole numbers, not negative.")
    if not any(figures):
        raise InvalidInput("The refund gives nothing back.")
    room = refundable(facts, earlier)
    if refund.total > room:
        raise RefundExceedsPurchase("More would be refunded than was paid.", refundable=room)
    quantities = {item.line: item.quantity for item in facts.items}
    for past in (*earlier, refund):
        for item in past.items:
            if item.line not in quantities:
                raise InvalidInput("The purchase has no such line.")
            quantities[item.line] -= item.quantity
    if min(quantities.values(), default=0) < 0:
        raise RefundExceedsPurchase("More pieces would come back than were bought.", refundable=room)


def left_after(facts: PurchaseFacts, refunds: tuple[Refund, ...]) -> Basket:
    """What is left of the purchase after all these refunds."""
    if not refunds:
        return whole(facts)
    lines = tuple(item for refund in refunds for item in refund.items)
    return left_of(facts, amount=sum(refund.amount for refund in refunds), lines=lines)


def keep_after_refund(ruleset: Ruleset, facts: PurchaseFacts, refunds: tuple[Refund, ...]) -> Award:
    """What the purchase keeps after `refunds`, all of them, in the order in which they were recorded."""
    campaigns = ruleset.campaigns
    kept: Award | None = None
    for count in range(len(refunds) + 1):
        basket = left_after(facts, refunds[:count])
        if basket.is_empty:
            return award_of(())
        running = running_campaigns(ruleset, basket)
        campaigns = tuple(campaign for campaign in campaigns if campaign in running)
        award = award_for(ruleset, basket, campaigns)
        kept = award if kept is None or award.points <= kept.points else kept
    assert kept is not None  # the range has at least one count
    return kept


def to_take_back(*, awarded: int, kept: int, expired: int = 0, taken: int = 0) -> int:
    """Points that a refund still takes back: what the purchase no longer keeps, without what expired of it or was taken before.

    `taken` is what earlier refunds reversed, made debt, or took before it was issued; `expired` what expired of the purchase's
    own lot (DESIGN §3.5).
    """
    return max(0, min(awarded - kept, awarded - expired) - taken)
