"""One line of a member's story for staff: what, why, where, by whom, and how far it is settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from token_service.ledger.views import EntryView
from token_service.pages import formats
from token_service.pages.breakdown import Explained, benefit_named, explained, level_named, plain_id, reward_named
from token_service.pages.lines import (
    event_title,
    is_invitation_back,
    line_of,
    off_in_words,
    place_of,
    taken_back_title,
)
from token_service.pages.services import services
from token_service.pages.translation import gettext, ngettext
from token_service.program.challenge_limits import CHALLENGE_LIMIT_PREFIX
from token_service.program.challenges import COMPLETED
from token_service.program.earning import Line as RuleLine
from token_service.program.memberships import BOUGHT

OWN_WALLET: Final = ("leaving", "left", "returned", "stays", "stays_away", "signed_redemption")


@dataclass(frozen=True)
class StoryLine:
    """`balance` None for a fact, which moves nothing. `entry` has the particulars."""

    entry: EntryView
    title: str
    about: str | None
    who: str
    at: datetime
    recorded_late: bool
    state: str
    points: int
    balance: int | None
    breakdown: tuple[Explained, ...]


def story_line(entry: EntryView, names: Mapping[str, str]) -> StoryLine:
    """The entry or fact in words; `names` are those of the people and keys that acted."""
    is_fact = entry.id.startswith("fct_")
    if is_fact:
        title, about = _fact(entry)
        lines = _breakdown(entry)
    else:
        line = line_of(entry)
        title, about, lines = line.title, line.about, line.breakdown
        if entry.kind == "move":
            title = gettext("Moved between two addresses of this member")
    return StoryLine(
        entry=entry,
        title=title,
        about=about,
        who=_who(entry, names),
        at=entry.occurred_at,
        recorded_late=(entry.created_at - entry.occurred_at).total_seconds() > 3600,
        state=state_in_words(entry),
        points=entry.points,
        balance=None if is_fact else entry.balance_after,
        breakdown=lines,
    )


def actor_of(entry: EntryView) -> str | None:
    """What the ledger calls whoever did it, where it says so."""
    actor = entry.facts.get("actor")
    return actor if isinstance(actor, str) else None


def state_in_words(entry: EntryView) -> str:
    """How far the line is on its way to the register."""
    settlement = entry.settlement
    number = formats.number(settlement.seq or 0)
    if entry.kind == "void" or settlement.state == "void":
        return gettext("cancels a line that was refused; never written")
    if settlement.state == "final" and settlement.seq is None:
        return gettext("done by the member’s own signature")
    if settlement.state == "final":
        return gettext("settled in batch %(number)s", number=number)
    if settlement.state == "skipped":
        return gettext("refused by the contract in batch %(number)s", number=number)
    if settlement.state == "mined":
        return gettext("written in batch %(number)s, not final yet", number=number)
    if settlement.state == "batched":
        return gettext("on its way in batch %(number)s", number=number)
    return gettext("waits for the next batch")


def _of_the_account(entry: EntryView) -> tuple[str, str | None] | None:
    """What somebody decided about the account itself."""
    titles = {
        "frozen": gettext("Frozen"),
        "unfrozen": gettext("Unfrozen"),
        "closed": gettext("Account closed"),
        "reopened": gettext("Account opened again"),
        "merged": gettext("Became part of another account"),
        "merged_in": gettext("Another account became part of this one"),
    }
    if entry.kind == "segments":
        names = entry.facts.get("segments")
        return gettext("Segments"), (", ".join(map(str, names)) if isinstance(names, list) else "") or gettext("none")
    if entry.kind == "standing_order":
        up_to = entry.facts.get("up_to")
        some = gettext("up to %(points)s", points=formats.number(up_to)) if isinstance(up_to, int) and up_to else None
        return gettext("Points on renewals"), some or gettext("none")
    return (titles[entry.kind], _text(entry.facts, "reason")) if entry.kind in titles else None


def _fact(entry: EntryView) -> tuple[str, str | None]:
    facts = entry.facts
    of_account = _of_the_account(entry)
    if of_account is not None:
        return of_account
    if entry.kind == "tier":
        return _tier(entry), None
    if entry.kind in OWN_WALLET:
        return _own_wallet(entry)
    if entry.kind in ("purchase", "award_pending"):
        return _purchase(entry)
    if entry.kind == "event":
        return event_title(entry, services().ruleset_named(entry.ruleset)), _won(entry)
    if entry.kind in ("held", "released"):
        return _hold(entry)
    if entry.kind in ("benefit_use", "use_reversal"):
        return _benefit(entry)
    if entry.kind in ("voucher_used", "voucher_reversal", "voucher_expired"):
        return _of_a_voucher(entry), _honoured(entry)
    if entry.kind == "delivery":
        return gettext("Order delivered"), None
    if entry.kind in ("award_cut", "award_lapsed"):
        is_cut = entry.kind == "award_cut"
        title = gettext("Refunded purchase") if is_cut else gettext("Order not delivered in time")
        return title, _points_lost(abs(_number(facts, "points")))
    return _taken_back(entry)


def _of_a_voucher(entry: EntryView) -> str:
    return {
        "voucher_used": gettext("Voucher honoured"),
        "voucher_reversal": gettext("Use of a voucher undone"),
        "voucher_expired": gettext("Voucher ended, not used"),
    }[entry.kind]


def _taken_back(entry: EntryView) -> tuple[str, str | None]:
    """A reversal that moved no points, or something that needs no words of its own."""
    facts = entry.facts
    if entry.kind == "reversal" and facts.get("asked") == 0:
        ended = gettext("A challenge or a membership has ended")
        return (taken_back_title(entry) if is_invitation_back(entry) else ended), None
    debt = _number(facts, "debt")
    if debt:
        title = gettext("Refunded purchase") if facts.get("refund") else taken_back_title(entry)
        return title, ngettext(
            "%(points)s point is owed: it had been used before",
            "%(points)s points are owed: they had been used before",
            debt,
            points=formats.number(debt),
        )
    if facts.get("refund"):
        return gettext("Refunded purchase"), gettext("there was nothing to take back")
    return plain_id(entry.kind), _text(facts, "reason")


def _benefit(entry: EntryView) -> tuple[str, str | None]:
    """A benefit that was used, and what was left of it; or a use that was taken back."""
    facts, decision = entry.facts, entry.facts.get("decision")
    if not isinstance(decision, dict):
        return gettext("Use of a benefit undone"), _text(facts, "reason")
    name = benefit_named(services().ruleset_named(entry.ruleset), str(facts.get("benefit")))
    said = gettext("Benefit used: %(benefit)s", benefit=name)
    if decision.get("times") is None:
        return said, _text(facts, "note")
    left, times = formats.number(_number(decision, "left")), formats.number(_number(decision, "times"))
    return said, gettext("%(left)s of %(times)s left", left=left, times=times)


def _won(entry: EntryView) -> str:
    """What an event without points gave: a voucher, a badge, or nothing."""
    reward = _text(entry.facts, "reward")
    if reward is not None:
        return gettext("a voucher: %(reward)s", reward=reward_named(services().ruleset_named(entry.ruleset), reward))
    lines = entry.facts.get("breakdown")
    if isinstance(lines, list) and any(str(line["rule"]).startswith(CHALLENGE_LIMIT_PREFIX) for line in lines):
        return gettext("earned nothing")
    said = {COMPLETED: gettext("a badge"), BOUGHT: gettext("bought")}
    return said.get(str(entry.facts.get("event")), gettext("earned nothing"))


def _honoured(entry: EntryView) -> str:
    """The reward, and what it took off the order."""
    rules = services().ruleset_named(entry.ruleset)
    named, off = reward_named(rules, str(entry.facts.get("reward"))), off_in_words(entry.facts, rules)
    return named if off is None else f"{named} · {off}"


def _hold(entry: EntryView) -> tuple[str, str | None]:
    """Points set aside while somebody paid, and how that ended."""
    place = place_of(entry.merchant_name, entry.store_name)
    if entry.kind == "held":
        points = _number(entry.facts, "points_held")
        said = ngettext(
            "%(points)s point set aside", "%(points)s points set aside", points, points=formats.number(points)
        )
        return said, place
    points = _number(entry.facts, "points_freed")
    said = ngettext(
        "%(points)s point free again", "%(points)s points free again", points, points=formats.number(points)
    )
    because = {
        "captured": gettext("the rest was used"),
        "released": gettext("the shop let them go"),
        "expired": gettext("the time was over"),
    }
    return said, because.get(str(entry.facts.get("because")), place)


def _own_wallet(entry: EntryView) -> tuple[str, str | None]:
    """What the member did with a wallet of their own; where the points went, or why they did not."""
    comes_back = entry.facts.get("move") == "return"
    words = {
        "leaving": gettext("The points are to come back")
        if comes_back
        else gettext("The points are to go to an own wallet"),
        "left": gettext("The points are in the member’s own wallet"),
        "returned": gettext("The points came back"),
        "stays": gettext("The points stayed here"),
        "stays_away": gettext("The points stayed in the member’s own wallet"),
        "signed_redemption": gettext("The member spent points by signature"),
    }
    return words[entry.kind], _text(entry.facts, "to") or _text(entry.facts, "because")


def _purchase(entry: EntryView) -> tuple[str, str | None]:
    place = place_of(entry.merchant_name, entry.store_name)
    rules, total = services().ruleset_named(entry.ruleset), entry.facts.get("total")
    amount = formats.money(total if isinstance(total, int) else 0, rules.program.currency)
    points = _number(entry.facts, "points")
    if entry.kind == "purchase":
        return place, gettext("Purchase of %(amount)s, which earned nothing", amount=amount)
    return place, ngettext(
        "Purchase of %(amount)s: %(points)s point, not usable before the return window ends",
        "Purchase of %(amount)s: %(points)s points, not usable before the return window ends",
        points,
        amount=amount,
        points=formats.number(points),
    )


def _points_lost(points: int) -> str:
    return ngettext(
        "%(points)s point on the way was cancelled",
        "%(points)s points on the way were cancelled",
        points,
        points=formats.number(points),
    )


def _tier(entry: EntryView) -> str:
    rules = services().ruleset_named(entry.ruleset)
    before, after = _text(entry.facts, "from"), _text(entry.facts, "to")
    if before and after:
        words = {"before": level_named(rules, before), "after": level_named(rules, after)}
        return gettext("Level: from %(before)s to %(after)s", **words)
    if after:
        return gettext("Level: %(after)s", after=level_named(rules, after))
    return gettext("No level any more")


def _who(entry: EntryView, names: Mapping[str, str]) -> str:
    actor, place = actor_of(entry), place_of(entry.merchant_name, entry.store_name)
    if actor is not None and actor in names:
        return names[actor] if actor.startswith("stf_") else f"{place}, {names[actor]}"
    if entry.merchant_name is not None and entry.kind != "adjustment":
        return place
    if actor in (None, "service"):
        return gettext("the service itself")
    return gettext("the operator (%(actor)s)", actor=actor)


def _breakdown(entry: EntryView) -> tuple[Explained, ...]:
    lines = entry.facts.get("breakdown")
    if not isinstance(lines, list):
        return ()
    rules = services().ruleset_named(entry.ruleset)
    return explained((RuleLine(line["rule"], line["points"], line["why"]) for line in lines), rules)


def _text(facts: Mapping[str, object], key: str) -> str | None:
    value = facts.get(key)
    return value if isinstance(value, str) and value.strip() else None


def _number(facts: Mapping[str, object], key: str) -> int:
    value = facts.get(key)
    return value if isinstance(value, int) else 0
