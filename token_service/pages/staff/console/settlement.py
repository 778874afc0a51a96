"""How settlement stands: what waits and why, lanes, the newest batches, the chain; and what a person must do.

The same facts as `mereau doctor` (ledger/settlement_health.py), in the page's language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from token_service.ledger.program_setup import get_program
from token_service.ledger.receipts import list_batches
from token_service.ledger.settlement_health import Health, settlement_health, stands_still
from token_service.pages import formats
from token_service.pages.breakdown import plain_id
from token_service.pages.services import services
from token_service.pages.staff.rules import add_page
from token_service.pages.translation import gettext, ngettext

BATCHES_SHOWN: Final = 10
ORDERS_SHOWN: Final = 20


@dataclass(frozen=True)
class Advice:
    """Something that a person must do: what is the matter, and what helps."""

    matter: str
    helps: str


def add_to(pages: Blueprint) -> None:
    """Adds /console/settlement."""
    add_page(pages, "/console/settlement", "settlement", settlement, "settlement:read")


def settlement() -> ResponseReturnValue:
    """The whole page."""
    given = services()
    health = settlement_health(given.context, given.backlog())
    return render_template(
        "staff/console/settlement.html",
        program=given.ruleset().program,
        books=get_program(given.context),
        health=health,
        to_do=to_do(health),
        reasons={one.reason: reason_in_words(one.reason) for one in health.deferred},
        lane_states=lane_states(),
        orders=[(order_in_words(order.kind), order.state) for order in health.orders[:ORDERS_SHOWN]],
        batches=list_batches(given.context, BATCHES_SHOWN).data,
        chain=given.chain_size() if given.chain_size is not None else None,
    )


def to_do(health: Health) -> list[Advice]:
    """What a person must do, the most pressing first; empty when all is well."""
    found = [Advice(_lane_matter(lane.reason), _lane_help()) for lane in health.lanes if stands_still(lane)]
    if health.is_late and health.age is not None:
        found.append(Advice(_late(health), gettext("Ask the operator to run “mereau doctor” where the service runs.")))
    if health.backlog.held:
        found.append(Advice(_held(health), _held_help(health)))
    for refused in health.refused_ceilings:
        matter = gettext("The contract refused the last ceiling of %(merchant)s.", merchant=refused.merchant_name)
        found.append(Advice(matter, gettext("Set the ceiling of this merchant once more.")))
    for stuck in health.stuck_awards:
        matter = ngettext(
            "%(number)s award of %(merchant)s is larger than its whole ceiling: %(points)s points.",
            "%(number)s awards of %(merchant)s are larger than its whole ceiling, the largest %(points)s points.",
            stuck.awards,
            number=formats.number(stuck.awards),
            merchant=stuck.merchant_name,
            points=formats.number(stuck.largest_points),
        )
        found.append(Advice(matter, gettext("Raise its ceiling, or let the shop refund the purchases.")))
    return found


def reason_in_words(reason: int) -> str:
    """Why the contract let an entry wait."""
    words = {
        2: gettext("the member is frozen in the contract"),
        6: gettext("the merchant’s ceiling was reached in the contract"),
        7: gettext("the contract’s limit on taking points was reached"),
    }
    return words.get(reason, gettext("reason %(number)s of the contract", number=reason))


def order_in_words(kind: str) -> str:
    """What an administrative order does."""
    words = {
        "deploy": gettext("Put the contract on the chain"),
        "grant_role": gettext("Give a key its role"),
        "revoke_role": gettext("Take a role from a key"),
        "register_party": gettext("Register a merchant"),
        "set_ceiling": gettext("Set a merchant’s ceiling"),
        "bind_self_custody": gettext("Move a member’s points to their own wallet"),
        "return_to_custody": gettext("Bring a member’s points back"),
        "redeem_with_signature": gettext("Use points that a member signed for"),
        "set_debit_limit": gettext("Set the limit on taking points"),
        "publish_ruleset": gettext("Publish rules"),
        "publish_addendum": gettext("Publish an addition to the rules"),
        "pause": gettext("Pause the programme"),
        "unpause": gettext("End the pause"),
        "set_frozen": gettext("Freeze or unfreeze a member"),
        "announce_sunset": gettext("Announce the end of the programme"),
    }
    return words.get(kind, plain_id(kind))


def lane_states() -> dict[str, str]:
    """The states of a lane in words."""
    return {
        "active": gettext("at work"),
        "draining": gettext("finishes what is on its way, takes nothing new"),
        "blocked": gettext("blocked"),
        "halted": gettext("halted"),
        "disabled": gettext("switched off"),
    }


def _late(health: Health) -> str:
    assert health.age is not None
    lasting = formats.lasting_seconds(max(60, int(health.age.total_seconds()) // 60 * 60))
    return gettext("The oldest line has waited for %(time)s: longer than the service promised.", time=lasting)


def _held(health: Health) -> str:
    count = health.backlog.held
    return ngettext(
        "%(number)s line waits for a person.",
        "%(number)s lines wait for a person.",
        count,
        number=formats.number(count),
    )


def _held_help(health: Health) -> str:
    if health.frozen_members:
        return ngettext(
            "They belong to %(number)s frozen member: look at the member, then unfreeze.",
            "They belong to %(number)s frozen members: look at each, then unfreeze.",
            health.frozen_members,
            number=formats.number(health.frozen_members),
        )
    return gettext("A merchant’s registration is not in the contract yet: look at the orders below.")


def _lane_matter(reason: str | None) -> str:
    return gettext("Settlement stands still: %(reason)s", reason=reason or gettext("no reason was noted"))


def _lane_help() -> str:
    return gettext("Nothing is lost, and nothing is written until the operator has looked: docs/settlement.md.")
