"""One line of the statement in the member's words: what it was, where, why so many points, and how far it is.

`line_of` is given an entry as the ledger answers it; `sentences` tells the same entry in three sentences for its own page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from token_service.ledger.views import EntryView
from token_service.pages import formats
from token_service.pages.breakdown import (
    Explained,
    action_named,
    challenge_titled,
    explained,
    membership_named_in_words,
    reward_named,
)
from token_service.pages.services import services
from token_service.pages.translation import gettext, ngettext
from token_service.program.action_schema import REFERRED
from token_service.program.award_expiry import lines_of_part
from token_service.program.challenges import COMPLETED, challenge_of
from token_service.program.earning import Line as RuleLine
from token_service.program.event_facts import OWN_PREFIX
from token_service.program.events import INVITED, rules_of
from token_service.program.memberships import BOUGHT
from token_service.program.ruleset import Ruleset

SEALED: Final = "sealed"
ON_ITS_WAY: Final = "on_its_way"
CANCELLED: Final = "cancelled"


@dataclass(frozen=True)
class StatementLine:
    """`title` and `about` are plain text; `state` is SEALED, ON_ITS_WAY or CANCELLED; `gift`: given, not earned."""

    id: str
    title: str
    about: str | None
    points: int
    balance: int  # after it, points set aside included
    at: datetime
    state: str
    gift: bool
    breakdown: tuple[Explained, ...]


def line_of(entry: EntryView) -> StatementLine:
    """The entry as a line of the statement."""
    rules = services().ruleset_named(entry.ruleset)
    title, about = _words(entry, rules)
    said = [one for one in (about, _own_date(entry, rules)) if one]
    return StatementLine(
        id=entry.id,
        title=title,
        about=" · ".join(said) or None,
        points=entry.points,
        balance=entry.balance_after,
        at=entry.occurred_at,
        state=state_of(entry),
        gift=entry.kind == "issuance" and not _is_earned(entry),
        breakdown=_breakdown(entry, rules),
    )


def _own_date(entry: EntryView, rules: Ruleset) -> str | None:
    """Until when points can be used that have an expiry of their own; None of others."""
    if entry.facts.get("keeps_date") is not True:
        return None
    until = entry.facts.get("expires_at")
    if not isinstance(until, str):
        return gettext("these points never expire")
    last = datetime.fromisoformat(until) - timedelta(seconds=1)
    return gettext("can be used until %(day)s", day=formats.day(last, rules.program.time_zone))


def state_of(entry: EntryView) -> str:
    """Final is sealed; skipped for good and undone are cancelled; everything else is on its way."""
    if entry.kind == "void" or entry.settlement.state in ("skipped", "void"):
        return CANCELLED
    return SEALED if entry.settlement.state == "final" else ON_ITS_WAY


def place_of(merchant: str | None, store: str | None) -> str:
    """ "Les Halles, Lyon"; the programme's name where no merchant stands behind an entry."""
    where = merchant or services().ruleset().program.name
    return f"{where}, {store}" if store and store != where else where


def off_in_words(facts: Mapping[str, Any], rules: Ruleset) -> str | None:
    """What a reward took off an order, as a leaf says it; None where no money came off."""
    off = facts.get("discount")
    if not isinstance(off, int):
        return None
    return gettext("Taken off: %(amount)s", amount=formats.money(-off, rules.program.currency))


def _words(entry: EntryView, rules: Ruleset) -> tuple[str, str | None]:
    place, facts = place_of(entry.merchant_name, entry.store_name), entry.facts
    amount = _amount(facts, rules)
    if entry.kind == "issuance":
        if _is_purchase(entry):
            return place, gettext("Purchase of %(amount)s", amount=amount) if amount else None
        if is_event(entry):
            return event_title(entry, rules), place if _is_earned(entry) else None
        return _text(facts, "reason") or gettext("Points given"), place
    if entry.kind == "redemption":
        reward = _text(facts, "reward")
        own = gettext("Points used, signed by you") if "quote_hash" in facts else gettext("Points used")
        off = off_in_words(facts, rules)
        return (reward_named(rules, reward) if reward else own), place if off is None else f"{place} · {off}"
    if entry.kind == "reversal":
        return _reversal(entry), place
    if entry.kind == "donation":
        reward = _text(facts, "reward")
        return reward_named(rules, reward) if reward else gettext("Donation"), _text(facts, "cause_name")
    if entry.kind == "adjustment":
        imported = facts.get("imported")
        if isinstance(imported, dict):
            return gettext("Points from an earlier programme"), _text(imported, "from")
        return gettext("Correction"), _text(facts, "reason")
    plain = {
        "expiry": gettext("Expired points"),
        "restoration": gettext("Points given back"),
        "move": gettext("Moved between your accounts"),
        "void": gettext("Line cancelled"),
    }
    return plain.get(entry.kind, gettext("Change")), place if entry.kind == "restoration" else None


def _reversal(entry: EntryView) -> str:
    if entry.facts.get("pays_debt"):
        return gettext("Points owed, now taken back")
    if entry.facts.get("refund"):
        return gettext("Refunded purchase")
    return _text(entry.facts, "reason") or taken_back_title(entry)


def taken_back_title(entry: EntryView) -> str:
    """What points were taken back for, where nobody gave a reason."""
    if is_invitation_back(entry):
        return gettext("Invitation: nothing was kept of what was bought")
    return gettext("Points taken back")


def is_invitation_back(entry: EntryView) -> bool:
    """Whether a refund took back what an invitation had earned, the member's own or another's."""
    return (entry.reference or "").startswith(tuple(f"{event}/back/" for event in (INVITED, REFERRED)))


def _is_purchase(entry: EntryView) -> bool:
    return (entry.operation_id or "").startswith("pur_")


def is_event(entry: EntryView) -> bool:
    """Whether it tells of an event."""
    return (entry.operation_id or "").startswith("evt_")


def event_title(entry: EntryView, rules: Ruleset) -> str:
    """What the event was: the names of the rules for it, or its type where there are none."""
    event = str(entry.facts.get("event", ""))
    if event == COMPLETED:
        return challenge_titled(rules, challenge_of(str(entry.facts.get("subject", ""))))
    if event == BOUGHT:
        name = membership_named_in_words(rules, str(entry.facts.get("subject", "")))
        return gettext("Membership “%(name)s”", name=name)
    subject = _text(entry.facts, "subject")
    names = [action_named(rule) for rule in rules_of(rules, event, subject)]
    return ", ".join(dict.fromkeys(names)) or event


def _is_earned(entry: EntryView) -> bool:
    """By a purchase, or by something that the member did."""
    event = str(entry.facts.get("event", ""))
    own = event.startswith(OWN_PREFIX) and event not in (COMPLETED, BOUGHT)
    return _is_purchase(entry) or (is_event(entry) and not own)


def _text(facts: Mapping[str, object], key: str) -> str | None:
    value = facts.get(key)
    return value if isinstance(value, str) and value.strip() else None


def _amount(facts: Mapping[str, object], rules: Ruleset) -> str | None:
    total = facts.get("total")
    return formats.money(total, rules.program.currency) if isinstance(total, int) else None


def _breakdown(entry: EntryView, rules: Ruleset) -> tuple[Explained, ...]:
    if entry.kind != "issuance":
        return ()
    told = cast("list[Mapping[str, Any]]", entry.facts.get("breakdown") or [])
    until = cast("str | None", entry.facts.get("expires_at"))
    lines = lines_of_part(
        rules,
        [RuleLine(line["rule"], line["points"], line["why"]) for line in told],
        entry.points,
        of_purchase=_is_purchase(entry),
        occurred_at=entry.occurred_at,
        expires_at=None if until is None else datetime.fromisoformat(until),
        keeps_date=entry.facts.get("keeps_date") is True,
    )
    return explained(lines, rules)


def sentences(entry: EntryView) -> tuple[str, str, str]:
    """What happened; how far it is written down; what the member can do with that."""
    return _what(entry), _written(entry), _checkable(entry)


def _what(entry: EntryView) -> str:
    zone = services().ruleset().program.time_zone
    words = {
        "day": formats.day(entry.occurred_at, zone),
        "time": formats.clock(entry.occurred_at, zone),
        "place": place_of(entry.merchant_name, entry.store_name),
        "points": formats.number(abs(entry.points)),
        "balance": formats.number(entry.balance_after),
    }
    count = abs(entry.points)
    if entry.kind == "redemption":
        return ngettext(
            "On %(day)s at %(time)s you used %(points)s point (%(place)s); your balance came to %(balance)s.",
            "On %(day)s at %(time)s you used %(points)s points (%(place)s); your balance came to %(balance)s.",
            count,
            **words,
        )
    if entry.points > 0:
        return ngettext(
            "On %(day)s at %(time)s, %(points)s point was added to your balance (%(place)s), which came to %(balance)s.",
            "On %(day)s at %(time)s, %(points)s points were added to your balance (%(place)s), which came to %(balance)s.",
            count,
            **words,
        )
    return ngettext(
        "On %(day)s at %(time)s, %(points)s point was taken from your balance (%(place)s), which came to %(balance)s.",
        "On %(day)s at %(time)s, %(points)s points were taken from your balance (%(place)s), which came to %(balance)s.",
        count,
        **words,
    )


def _written(entry: EntryView) -> str:
    state, zone = state_of(entry), services().ruleset().program.time_zone
    if state == SEALED:
        return gettext(
            "This line is written in the programme’s register: nobody can change it or remove it without it being noticed."
        )
    if state == CANCELLED:
        return gettext(
            "This line could not be written in the programme’s register; another line has put your balance right."
        )
    if entry.promise is None:
        return gettext("This line is recorded and will be written in the programme’s register shortly.")
    return gettext(
        "This line is recorded; we have promised, under signature, that it will be written in the programme’s register by"
        " %(day)s at %(time)s.",
        day=formats.day(entry.promise.settle_by, zone),
        time=formats.clock(entry.promise.settle_by, zone),
    )


def _checkable(entry: EntryView) -> str:
    state = state_of(entry)
    if state == SEALED and "quote_hash" in entry.facts:
        return gettext(
            "You signed it yourself with your own wallet: the transaction below is the proof, and anybody can look it up."
        )
    if state == SEALED:
        return gettext(
            "With your receipt, you or anybody you show it to can check this without taking our word for it."
        )
    if state == CANCELLED:
        return gettext("If something seems wrong to you, show this page to the shop: it names the line.")
    return gettext("Once it is written, you will find a receipt here with which anybody can check it.")
