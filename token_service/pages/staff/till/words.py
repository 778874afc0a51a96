"""What the till says: members by first name, operations in a few words, refusals with what is missing, the promise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from token_service.ledger.staff import Person
from token_service.ledger.till import TillReceipt
from token_service.ledger.till_lines import Tally, TillLine
from token_service.ledger.views import Member, Purchase
from token_service.pages import formats
from token_service.pages.breakdown import (
    benefit_named,
    challenge_name,
    level_named,
    membership_named_in_words,
    reward_named,
)
from token_service.pages.challenge_words import award_in_words
from token_service.pages.on_offer import closed_in_words
from token_service.pages.reward_words import unfit_in_words
from token_service.pages.services import services
from token_service.pages.spending_in_words import bound_in_words
from token_service.pages.translation import gettext, ngettext
from token_service.program.challenges import CampaignGift, challenge_named
from token_service.program.ruleset import Ruleset

NAME_LENGTH_MAX: Final = 40


def short_name(name: str | None) -> str:
    """ "Alice Martin" → "Alice M.": enough to greet somebody, no more than a till needs to show. "Foyer 12" stays whole."""
    words = [word[:NAME_LENGTH_MAX] for word in (name or "").split()]
    if not words:
        return gettext("Member without a name")
    if len(words) == 1:
        return words[0]
    last = f"{words[-1][0]}." if words[-1][0].isalpha() else words[-1]
    return f"{words[0]}\N{NO-BREAK SPACE}{last}"


def tier_of(member: Member, rules: Ruleset) -> str | None:
    """The names of the member's level and paid memberships, None without any."""
    names = [level_named(rules, member.tier)] if member.tier else []
    names += [membership_named_in_words(rules, held.id) for held in member.memberships]
    return ", ".join(names) or None


def title_of(line: TillLine | Tally) -> str:
    """What the operation was."""
    return {
        "purchase": gettext("Purchase"),
        "refund": gettext("Refund"),
        "redemption": gettext("Points used"),
        "restoration": gettext("Points given back"),
        "membership": gettext("Membership"),
        "membership_refund": gettext("Membership refunded"),
        "issuance": gettext("Points given"),
        "reversal": gettext("Points taken back"),
        "voucher": gettext("Voucher honoured"),
        "benefit": gettext("Benefit used"),
    }[line.kind]


def about(line: TillLine, rules: Ruleset) -> str:
    """Its membership and money, the benefit, or what the points bought; "" if there is nothing to add."""
    if line.benefit is not None:
        return benefit_named(rules, line.benefit)
    if line.amount is not None:
        paid = formats.money(line.amount, rules.program.currency)
        return paid if line.membership is None else f"{membership_named_in_words(rules, line.membership)} · {paid}"
    if not line.reward_id:
        return ""
    off = None if line.discount is None else formats.money(-line.discount, rules.program.currency)
    return " · ".join(one for one in (reward_named(rules, line.reward_id), off) if one)


def completed_in_words(purchase: Purchase, rules: Ruleset) -> list[str]:
    """What the purchase completed, a sentence each."""
    said = []
    for one in purchase.completed:
        challenge = challenge_named(rules, one.challenge_id)
        words = {"name": challenge_name(rules, one.challenge_id)}
        if challenge is None:
            said.append(gettext("“%(name)s” is complete.", **words))
        else:
            words["award"] = award_in_words(challenge.award, rules)
            if not one.points and one.voucher_id is None and not challenge.award.badge:
                said.append(gettext("“%(name)s” is complete; a limit leaves nothing to give for it.", **words))
                continue
            if isinstance(challenge, CampaignGift):
                said.append(gettext("Offer “%(name)s”: %(award)s", **words))
                continue
            said.append(gettext("“%(name)s” is complete: %(award)s.", **words))
    return said


def who(line: TillLine, person: Person) -> str:
    """Who did it."""
    if line.staff_name is None:
        return gettext("checkout system")
    return line.staff_name if line.staff_id != person.id else gettext("you")


def promise_in_words(receipt: TillReceipt, kept_at: datetime | None, rules: Ruleset) -> str:
    """What the service has given its word for, or that it kept it. `kept_at`: when points that wait become usable."""
    promise, zone = receipt.promise, rules.program.time_zone
    if receipt.is_written:
        return gettext(
            "Recorded, and written in the programme’s register: nobody can change it without it being noticed."
        )
    if promise is None:
        return gettext("Recorded. It will be written in the programme’s register shortly.")
    day, time = formats.day(promise.settle_by, zone), formats.clock(promise.settle_by, zone)
    if kept_at is not None:
        return gettext(
            "Recorded. The programme promises, under signature, to write it in its register by %(day)s at %(time)s; the"
            " points can be used from %(free)s.",
            day=day,
            time=time,
            free=formats.day(kept_at, zone),
        )
    return gettext(
        "Recorded. The programme promises, under signature, to write it in its register by %(day)s at %(time)s.",
        day=day,
        time=time,
    )


def refusal_in_words(code: str, facts: Mapping[str, Any]) -> str:
    """Why not, what is missing, what to do."""
    if code == "insufficient_balance":
        missing = int(facts["missing_points"])
        return ngettext(
            "%(missing)s point is missing: this card has %(available)s.",
            "%(missing)s points are missing: this card has %(available)s.",
            missing,
            missing=formats.number(missing),
            available=formats.number(int(facts["available"])),
        )
    if code == "refund_exceeds_purchase":
        left = formats.money(int(facts["refundable"]), services().ruleset().program.currency)
        return gettext("That is more than is left of this purchase: %(left)s can still be refunded.", left=left)
    if code in ("voucher_used", "voucher_cancelled", "voucher_expired"):
        return _voucher_refusal(facts)
    if code == "reward_unavailable":
        rules = services().ruleset()
        why = closed_in_words(facts, rules) or unfit_in_words(facts, rules.program.currency)
        return why or gettext("This reward is not on offer any more.")
    if code == "used_up":
        return _used_up(facts)
    if code == "limit_exceeded" and (bound := bound_in_words(facts, services().ruleset())):
        return bound
    plain = {
        "own_card": gettext("This card is your own. Ask a colleague to do it: nobody moves points for themselves."),
        "member_frozen": gettext(
            "This card is blocked for now. Its points are kept; the programme’s support can look into it."
        ),
        "member_leaving": gettext(
            "This member keeps their points in a wallet of their own, or is moving them there: a card cannot spend them."
        ),
        "program_paused": gettext("The programme is paused. Nothing was recorded; try again later."),
        "after_sunset": gettext("The programme has ended: no more points are given."),
        "ceiling_reached": gettext(
            "This shop has given all the points it may for now. Nothing was recorded; ask whoever runs the programme."
        ),
        "too_late": gettext("This form is too old to be recorded. Begin again."),
        "already_reversed": gettext("All of it was given back before."),
        "membership_over": gettext(
            "This period is over: it was used, and is not refunded at the till. The programme’s support can correct it."
        ),
        "tier_needed": gettext("This benefit comes with another level. Nothing was recorded."),
        "membership_needed": gettext("This benefit comes with a membership. Nothing was recorded."),
        "campaign_needed": gettext("This benefit’s offer is over, or not for this customer. Nothing was recorded."),
        "total_mismatch": gettext("The lines do not add up. Look at the amounts again."),
    }
    return plain.get(code, gettext("The programme’s rules do not allow this now. Nothing was recorded."))


def _used_up(facts: Mapping[str, Any]) -> str:
    at: datetime | None = facts.get("next_at")
    if at is None:
        return gettext("This benefit was used as often as it may be. Nothing was recorded.")
    day = formats.day(at, services().ruleset().program.time_zone)
    return gettext("This benefit was used as often as it may be: one more from %(day)s. Nothing was recorded.", day=day)


def _voucher_refusal(facts: Mapping[str, Any]) -> str:
    rules = services().ruleset()
    at: datetime = facts.get("used_at") or facts.get("cancelled_at") or facts["expired_at"]
    day, time = formats.day(at, rules.program.time_zone), formats.clock(at, rules.program.time_zone)
    if "expired_at" in facts:
        return gettext(
            "This voucher buys nothing any more: it was valid until %(day)s at %(time)s.", day=day, time=time
        )
    if "cancelled_at" in facts:
        return gettext("This voucher buys nothing any more: it was cancelled on %(day)s.", day=day)
    if "reference" in facts:
        return gettext("This voucher was honoured before, here, on %(day)s at %(time)s.", day=day, time=time)
    return gettext("This voucher was honoured before, at another shop, on %(day)s at %(time)s.", day=day, time=time)
