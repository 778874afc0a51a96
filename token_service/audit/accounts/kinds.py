"""What is checked of each kind of leaf, by its kind and its operation's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from token_service.audit.accounts import (
    awards,
    benefits,
    deliveries,
    happenings,
    holds,
    lots,
    manual,
    merges,
    redemptions,
    refunds,
    standing,
    tiers,
    voids,
    vouchers,
    wallets,
)
from token_service.audit.accounts.step import Step

Check = Callable[[Step], None]


def _frozen(step: Step) -> None:
    step.account.is_frozen = step.leaf.kind == "frozen"


def _closed(step: Step) -> None:
    """An account is closed, or opened again: from an open one, with all its points in the programme's keeping."""
    leaf, account = step.leaf, step.account
    if account.merged_into is not None:
        step.differs("history", "an account that became part of another one is opened again", found=leaf.kind)
    before, after = ("active", "closed") if leaf.kind == "closed" else ("closed", "active")
    step.same("history", f"the state of an account that is {leaf.kind}", before, account.state)
    account.state = after
    if after == "closed":
        standing.closed(step)


def _segments(step: Step) -> None:
    """The segments that the member is in from here on."""
    told = step.leaf.detail.get("segments")
    if not isinstance(told, list) or any(not isinstance(one, str) for one in told) or told != sorted(set(told)):
        step.differs("history", "segments do not stand in order, each once", expected="a list of ids", found=told)
        return
    step.account.segments = list(told)


CHECKS: Final[Mapping[tuple[str, str | None], Check]] = {
    ("issuance", "purchase"): awards.purchase,
    ("award_pending", "purchase"): awards.purchase,
    ("purchase", "purchase"): awards.purchase,
    ("issuance", "event"): happenings.event,
    ("event", "event"): happenings.event,
    ("issuance", "issuance"): manual.issuance,
    ("adjustment", "adjustment"): manual.adjustment,
    ("held", "hold"): holds.held,
    ("released", "hold"): holds.released,
    ("redemption", "redemption"): redemptions.redemption,
    ("donation", "donation"): redemptions.redemption,
    ("restoration", "restoration"): redemptions.restoration,
    ("delivery", "delivery"): deliveries.told,
    ("award_lapsed", "lapse"): deliveries.lapsed,
    ("award_cut", "refund"): refunds.refund,
    ("refund", "refund"): refunds.refund,
    ("debt", "refund"): refunds.refund,
    ("reversal", "refund"): refunds.refund,
    ("debt", "reversal"): refunds.reversal,
    ("reversal", "reversal"): refunds.reversal,
    ("expiry", None): lots.expire,
    ("tier", None): tiers.changed,
    ("segments", None): _segments,
    ("standing_order", None): standing.given,
    ("benefit_use", "benefit_use"): benefits.used,
    ("use_reversal", "use_reversal"): benefits.taken_back,
    ("void", None): voids.void,
    ("frozen", None): _frozen,
    ("unfrozen", None): _frozen,
    ("closed", None): _closed,
    ("move", "merge"): merges.moved,
    ("move", "move"): merges.moved,
    ("merged", "merge"): merges.merged,
    ("merged_in", "merge"): merges.merged_in,
    ("reopened", None): _closed,
    ("voucher_used", None): vouchers.used,
    ("voucher_reversal", "voucher_reversal"): vouchers.undone,
    ("voucher_expired", None): vouchers.expired,
    ("signed_redemption", "redemption"): wallets.signed_redemption,
    **{(kind, None): wallets.moved for kind in wallets.STATE_AFTER},
}
"""Keys are (kind, operation), as the detail says them."""
