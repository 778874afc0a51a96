"""The page on which points are used: what was asked for, what it is worth, what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from flask import abort
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.views import Money, RewardStanding
from token_service.pages.breakdown import reward_named
from token_service.pages.reward_words import came_off, terms_in_words
from token_service.pages.services import services
from token_service.pages.staff.signed_in import person
from token_service.pages.staff.till.amounts import parse_whole
from token_service.pages.staff.till.order_form import UNFIT, OrderForm, Parsed, order_form, parsed_order
from token_service.pages.staff.till.screen import customer, till_page
from token_service.program.rewards import value_of


@dataclass(frozen=True)
class AskedOrder:
    """The order that a reward is for: its form, what was typed, what would come off, and whether the form is to be shown."""

    form: OrderForm = field(default_factory=OrderForm)
    typed: Parsed = field(default_factory=Parsed)
    comes_off: Money | None = None
    is_asking: bool = False

    def answered(self, reason: object, comes_off: Money | None) -> AskedOrder:
        """With what the programme says of it; `reason` is why the reward is refused, if it is."""
        is_asking = self.form.is_asked and (reason in UNFIT or self.typed.order is None)
        return replace(self, comes_off=comes_off, is_asking=is_asking)


def asked_for(values: Any) -> dict[str, Any] | None:
    """Either `points` > 0 or a `reward_id` that the rules have; None if it is neither. An unknown reward is a 404."""
    reward_id = values.get("reward_id", "")
    if reward_id:
        if reward_id not in {reward.id for reward in services().ruleset().rewards}:
            abort(404)
        return {"reward_id": reward_id}
    points = parse_whole(values.get("points", ""))
    return {"points": points} if points else None


def redemption_page(
    member_id: str,
    asked: dict[str, Any] | None = None,
    reference: str = "",
    *,
    refusal: str | None = None,
    error: str = "",
    status: int = 200,
    signs: bool = False,
    order: AskedOrder | None = None,
) -> ResponseReturnValue:
    """`order`: the form of the order that the reward is for; `signs`: the customer keeps the points in a wallet of their own and
    is asked for a signature.
    """
    rules = services().ruleset()
    reward_id = (asked or {}).get("reward_id")
    standing = _standing(member_id, reward_id) if reward_id else None
    points = (asked or {}).get("points", 0) if standing is None else standing.points
    order = order or AskedOrder()
    return till_page(
        "redemption.html",
        status,
        customer=customer(member_id),
        asked=asked or {},
        points=points,
        reward=reward_named(rules, reward_id) if reward_id else None,
        worth=value_of(rules, points) if rules.program.point_value and not reward_id else None,
        reference=reference,
        refusal=refusal,
        error=error,
        signs=signs,
        terms=() if standing is None else terms_in_words(standing.terms),
        form=order.form,
        errors=order.typed.errors,
        is_asking=order.is_asking,
        comes_off=came_off(order.comes_off),
    )


def asked_order(member_id: str, asked: dict[str, Any], typed: MultiDict[str, str]) -> AskedOrder:
    """The form of the order that the asked reward is for, with what was typed of it."""
    if "reward_id" not in asked:
        return AskedOrder()
    form = order_form(_standing(member_id, asked["reward_id"]).terms, typed)
    return AskedOrder(form, parsed_order(form, services().ruleset().program.currency))


def _standing(member_id: str, reward_id: str) -> RewardStanding:
    """What it costs this member, and what it is for."""
    standings = list_reward_standings(services().context, person().actor, member_id)
    return next(one for one in standings if one.id == reward_id)
