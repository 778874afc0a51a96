"""The keys of a ruleset in words, for the changes of rules that no chapter of the open books shows (rule_changes.py).

Every key of docs/rulesets.md "Every key" has its words here; a test goes through them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

from token_service.pages import formats
from token_service.pages.breakdown import own_name, plain_id
from token_service.pages.translation import gettext
from token_service.program.schema_values import DAY

LENGTHS: Final = (
    "period",
    "grace",
    "return_window",
    "accept_late",
    "restoration_grace",
    "voucher_valid",
    "cool_down",
    "within",
)
MONEY: Final = ("per", "amount", "budget_amount", "up_to", "min_total", "price")
MOST_OF_A_NAME: Final = 2
"""How many of a place's last keys can be needed to know what it is."""


def key_in_words(whose: str | None, path: Sequence[str], old: Any, new: Any, currency: str) -> str:
    """What is at a place now and was before, as a sentence: 'Offer “Morning” – rounding: “up”; before: “down”.'"""
    what = named_key(path)
    place = what[:1].upper() + what[1:] if whose is None else gettext("%(whose)s – %(what)s", whose=whose, what=what)
    now, before = (_value(path, value, currency) for value in (new, old))
    if now == before:
        said = now if now is not None else gettext("nothing")
        return gettext("%(place)s: %(said)s, as before; the document only writes it otherwise.", place=place, said=said)
    if now is None:
        return gettext("%(place)s: nothing any more; before: %(old)s.", place=place, old=before)
    if before is None:
        return gettext("%(place)s: %(new)s; before: nothing.", place=place, new=now)
    return gettext("%(place)s: %(new)s; before: %(old)s.", place=place, new=now, old=before)


def come_or_gone(whose: str | None, *, is_new: bool) -> str:
    """That a thing of a list is new, or no longer there."""
    return gettext("%(whose)s is new.", whose=whose) if is_new else gettext("%(whose)s is gone.", whose=whose)


def other_id_in_words(whose: str | None, old: str, new: str) -> str:
    """That a thing of a list is called otherwise in the document."""
    return gettext("%(whose)s is as before, under another id: %(old)s → %(new)s.", whose=whose, old=old, new=new)


def moved_in_words(names: str) -> str:
    """That things of a list stand in another order."""
    return gettext("The order is another one: %(names)s.", names=names)


def element_named(section: str, thing: Any) -> str | None:
    """A thing of a list by its name: 'Offer “Morning”'; None for what is no thing of a list."""
    if thing is None:
        return None
    name = own_name(thing) if hasattr(thing, "name") else plain_id(thing.id)
    return {
        "campaigns": lambda: gettext("Offer “%(name)s”", name=name),
        "benefits": lambda: gettext("Benefit “%(name)s”", name=name),
        "memberships": lambda: gettext("Membership “%(name)s”", name=name),
        "segments": lambda: gettext("Group “%(name)s”", name=name),
        "challenges": lambda: gettext("Challenge “%(name)s”", name=name),
        "rewards": lambda: gettext("Reward “%(name)s”", name=name),
    }.get(section, lambda: gettext("Rule “%(name)s”", name=name))()


def named_key(path: Sequence[str]) -> str:
    """The place's words; of a level, with the level's id."""
    said = _known(path)
    if len(path) > MOST_OF_A_NAME and path[0] == "tiers" and path[1] == "levels":
        level = plain_id(path[2])
        return gettext("level “%(name)s”: %(what)s", name=level, what=said) if len(path) > 3 else level
    return said


def _known(path: Sequence[str]) -> str:
    for many in range(MOST_OF_A_NAME, 0, -1):
        words = WORDS.get(".".join(path[-many:]))
        if words is not None:
            return words()
    return ".".join(path)


def _value(path: Sequence[str], value: Any, currency: str) -> str | None:
    """A value as the reader writes it; None for nothing."""
    name = path[-1]
    if value is None:
        return None
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int):
        return _number(name, value, currency)
    if isinstance(value, dict):
        return ", ".join(
            f"{named_key((*path, key))}: {_value((*path, key), one, currency)}" for key, one in value.items()
        )
    if isinstance(value, list):
        return ", ".join(str(_value(path, one, currency)) for one in value)
    return _text(name, str(value))


def _number(name: str, value: int, currency: str) -> str:
    if name in MONEY:
        return formats.money(value, currency)
    return formats.factor(value) if name == "multiplier_percent" else formats.number(value)


def _text(name: str, value: str) -> str:
    if value in CHOICES:
        return CHOICES[value]()
    if name in ("from", "until", "on"):
        return formats.calendar_day(date.fromisoformat(value))
    if name in LENGTHS or (name in ("every", "window") and value != DAY and value.startswith("P")):
        return formats.lasting(value)
    return gettext("“%(text)s”", text=value) if value == value.strip() else json.dumps(value, ensure_ascii=False)


CHOICES: Final[dict[str, Callable[[], str]]] = {
    "floor": lambda: gettext("parts of a point are dropped"),
    "half_up": lambda: gettext("to the nearest point, halves up"),
    "ceil": lambda: gettext("up to a whole point"),
    "gross": lambda: gettext("all that was paid"),
    "net": lambda: gettext("without tax"),
    "goods": lambda: gettext("without delivery"),
    "earning": lambda: gettext("what rules give"),
    "earning_and_bonuses": lambda: gettext("what rules and offers give"),
    "reduce": lambda: gettext("what is left is given"),
    "lapse": lambda: gettext("they do not come"),
    "begin": lambda: gettext("they are counted from then"),
    "refuse": lambda: gettext("nothing is given"),
}
"""Words of the document that stand for a choice."""

WORDS: Final[dict[str, Callable[[], str]]] = {
    "ruleset": lambda: gettext("version of the form of rules"),
    "program": lambda: gettext("the programme"),
    "program.name": lambda: gettext("name of the programme"),
    "currency": lambda: gettext("currency"),
    "time_zone": lambda: gettext("clock"),
    "point_value": lambda: gettext("what points are worth"),
    "points": lambda: gettext("points"),
    "amount": lambda: gettext("amount"),
    "earning": lambda: gettext("what earns points"),
    "id": lambda: gettext("id"),
    "kind": lambda: gettext("kind"),
    "per": lambda: gettext("for every so much spent"),
    "per_quantity": lambda: gettext("for every so many pieces"),
    "skus": lambda: gettext("articles"),
    "categories": lambda: gettext("categories"),
    "basis": lambda: gettext("what counts"),
    "multipliers.basis": lambda: gettext("what levels and offers multiply"),
    "rounding": lambda: gettext("rounding"),
    "multipliers.rounding": lambda: gettext("rounding of what is multiplied"),
    "every": lambda: gettext("how often"),
    "event": lambda: gettext("what has to happen"),
    "name": lambda: gettext("name"),
    "name.fr": lambda: gettext("name in French"),
    "name.en": lambda: gettext("name in English"),
    "once_per": lambda: gettext("once for each"),
    "limits": lambda: gettext("limits"),
    "per_member": lambda: gettext("how often a member gets it"),
    "times": lambda: gettext("how many times"),
    "budget_points": lambda: gettext("points for everybody together"),
    "budget_amount": lambda: gettext("worth of points for everybody together"),
    "budget_vouchers": lambda: gettext("vouchers for everybody together"),
    "campaigns": lambda: gettext("offers"),
    "from": lambda: gettext("from"),
    "until": lambda: gettext("until"),
    "when": lambda: gettext("condition"),
    "award": lambda: gettext("what it gives"),
    "items": lambda: gettext("which lines"),
    "multiplier_percent": lambda: gettext("factor on points"),
    "benefit": lambda: gettext("benefit"),
    "voucher": lambda: gettext("voucher for"),
    "badge": lambda: gettext("a badge"),
    "multipliers": lambda: gettext("what is multiplied"),
    "tiers": lambda: gettext("levels"),
    "qualify_by": lambda: gettext("what decides a level"),
    "window": lambda: gettext("time that counts"),
    "period": lambda: gettext("how long"),
    "downgrade": lambda: gettext("how a level is lost"),
    "after": lambda: gettext("when a level is lost"),
    "grace": lambda: gettext("how much longer it is kept"),
    "steps": lambda: gettext("how many levels down"),
    "levels": lambda: gettext("levels"),
    "keep": lambda: gettext("what keeps it"),
    "benefits": lambda: gettext("benefits"),
    "memberships": lambda: gettext("memberships"),
    "price": lambda: gettext("price"),
    "segments": lambda: gettext("groups of members"),
    "challenges": lambda: gettext("challenges"),
    "count": lambda: gettext("what counts"),
    "target": lambda: gettext("how much it takes"),
    "repeat": lambda: gettext("once, or each time anew"),
    "reward": lambda: gettext("reward"),
    "schedules": lambda: gettext("what comes by the calendar"),
    "visits": lambda: gettext("what one visit is"),
    "refunded": lambda: gettext("a visit that was given back"),
    "expiry": lambda: gettext("when points expire"),
    "on": lambda: gettext("last day"),
    "round_to": lambda: gettext("to the end of the month"),
    "periods": lambda: gettext("how many months or years later"),
    "return_window": lambda: gettext("time until points can be used"),
    "delivery": lambda: gettext("orders that wait for their delivery"),
    "channels": lambda: gettext("channels"),
    "merchants": lambda: gettext("merchants"),
    "within": lambda: gettext("how long a delivery is waited for"),
    "otherwise": lambda: gettext("what becomes of points without a delivery"),
    "per_order_points": lambda: gettext("most points of a purchase"),
    "per_member_day_points": lambda: gettext("most points of a member in a day"),
    "per_store_day_points": lambda: gettext("most points of a store in a day"),
    "per_merchant_day_points": lambda: gettext("most points of a merchant in a day"),
    "program_day_points": lambda: gettext("most points of everybody in a day"),
    "over.per_order_points": lambda: gettext("what becomes of more points of a purchase than that"),
    "over.per_member_day_points": lambda: gettext("what becomes of more points of a member in a day than that"),
    "over.per_store_day_points": lambda: gettext("what becomes of more points of a store in a day than that"),
    "over.per_merchant_day_points": lambda: gettext("what becomes of more points of a merchant in a day than that"),
    "over.program_day_points": lambda: gettext("what becomes of more points of everybody in a day than that"),
    "velocity": lambda: gettext("how many purchases earn points"),
    "purchases": lambda: gettext("how many purchases"),
    "freeze": lambda: gettext("whether the next one freezes the member"),
    "manual_issuance_points": lambda: gettext("most points by hand at a time"),
    "adjustment_points": lambda: gettext("most points that one person alone corrects"),
    "publication_points": lambda: gettext("from when on rules need two people"),
    "over": lambda: gettext("what becomes of more than a limit"),
    "count_manual": lambda: gettext("whether points by hand count in the day’s limits"),
    "manual_issuance_day_points": lambda: gettext("most points by hand of one person in a day"),
    "adjustment_day_points": lambda: gettext("most points that one person alone corrects in a day"),
    "redemption": lambda: gettext("limits on using points"),
    "min_points": lambda: gettext("least points at once"),
    "max_points": lambda: gettext("most points at once"),
    "step_points": lambda: gettext("steps of points"),
    "cool_down": lambda: gettext("time between two uses"),
    "accept_late": lambda: gettext("how late a purchase is taken"),
    "restoration_grace": lambda: gettext("how long points last that come back"),
    "rewards": lambda: gettext("rewards"),
    "points_by_level": lambda: gettext("prices of levels"),
    "discount": lambda: gettext("what comes off"),
    "percent": lambda: gettext("percent"),
    "up_to": lambda: gettext("at most"),
    "up_to_points": lambda: gettext("at most"),
    "min_total": lambda: gettext("least amount of a purchase"),
    "early_days": lambda: gettext("days earlier"),
    "voucher_valid": lambda: gettext("how long a voucher can be used"),
    "on_expiry": lambda: gettext("what becomes of points of a voucher that ends"),
}
"""A place's words by its last key, or its last two where one does not say enough; said anew for each reader's language."""
