"""What a reward takes off, and which orders it is for: the shapes that rewards, vouchers and redemptions share."""

from __future__ import annotations

from pydantic import Field

from token_service.api.answers import Answer, MoneyAnswer
from token_service.api.fields import Money
from token_service.api.input import Body
from token_service.api.purchases import ITEMS_MAX, ItemBody, LineNumber
from token_service.ledger.inputs import NewItem, NewOrder


class DiscountAnswer(Answer):
    """What comes off an order: `amount`, or `percent` of it, at most `up_to`."""

    amount: MoneyAnswer | None
    percent: int | None
    up_to: MoneyAnswer | None


class TermsAnswer(Answer):
    """What a reward takes off (`discount` null: no money), and which orders it is for: any line of these categories or SKUs, of
    at least `min_total`; empty and null: any order. `cause`: the public name of the cause that its points go to; `funds`: what a
    company has for its marketing; `seats`: how many in a training."""

    discount: DiscountAnswer | None
    categories: list[str]
    skus: list[str]
    min_total: MoneyAnswer | None
    cause: str | None
    funds: MoneyAnswer | None
    seats: int | None


class OrderItemBody(ItemBody):
    """A line of the order, as a purchase has it; its number on the receipt is of no account here."""

    line: LineNumber = 0


class OrderBody(Body):
    """The order that a reward is used for. `total` is what is to be paid before the reward takes anything off."""

    total: Money
    items: list[OrderItemBody] = Field(
        default_factory=list, max_length=ITEMS_MAX, description="Needed for a reward of some goods only."
    )

    def resolved(self) -> NewOrder:
        """What the ledger is asked."""
        items = tuple(NewItem(**dict(item)) for item in self.items)
        return NewOrder(self.total.amount, self.total.currency, items)
