"""Accounts whose holder keeps the key: they move to another address and back, and are spent by signature (DESIGN §3.8).

What the chain says comes first, and a leaf tells what the ledger made of it. While the points are away nothing is taken back:
what a refund would take is owed, and paid at once when they are here again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from token_service.audit.accounts import lots, spending
from token_service.audit.accounts.account import Account, Operation, Signed
from token_service.audit.accounts.opened import OpenedLeaf
from token_service.audit.accounts.orders import check_order
from token_service.audit.accounts.prices import has_price
from token_service.audit.accounts.step import LONG_AGO, Step
from token_service.audit.report import Finding
from token_service.errors import RewardUnavailable
from token_service.program import lots as engine
from token_service.program.rewards import QUOTE_LASTS, find_reward, price, value_of
from token_service.protocol import json_text
from token_service.protocol.hashing import text_hash

STATE_AFTER: Final[Mapping[str, str]] = {
    "leaving": "leaving",
    "left": "left",
    "returned": "active",
    "stays": "active",
    "stays_away": "left",
}
BEFORE: Final[Mapping[str, tuple[str, ...]]] = {
    "leaving": ("active", "left"),
    "left": ("active", "leaving", "left"),
    "returned": ("leaving", "left"),
    "stays": ("leaving",),
    "stays_away": ("leaving",),
}
TOLD_WITHIN_SECONDS: Final = 3_600


def moved(step: Step) -> None:
    """A leaf that says who keeps the points from here on."""
    leaf, account = step.leaf, step.account
    if account.state not in BEFORE[leaf.kind]:
        step.differs("history", f"a leaf says {leaf.kind}", expected=f"not while {account.state}", found=leaf.kind)
    if leaf.kind in ("left", "returned"):
        step.same("history", "where the points went", account.address, leaf.text_of("to"))
        step.same("history", "who the contract says keeps them", leaf.kind == "left", account.is_self_custody)
    account.state = STATE_AFTER[leaf.kind]
    if account.is_ours and account.debts and engine.available(step.open_lots(), step.consumption_time):
        account.owes_payment = leaf.recorded_at


def signed_redemption(step: Step) -> None:
    """Points that the chain says were spent by signature: from the lots that go first, expired or not."""
    leaf, account = step.leaf, step.account
    event = _event(account, leaf)
    points = -leaf.whole("points")
    if event is None:
        step.differs("history", "a leaf tells of a signed redemption that the chain does not know", found=points)
    else:
        account.signed.remove(event)
        told = (points, leaf.whole("party"), leaf.text_of("quote_hash"))
        step.same("history", "a signed redemption", (event.points, event.party, event.quote_hash), told)
    step.same("rewards", "the price in the detail", points, leaf.whole("price"))
    step.same("rewards", "the value of the points", value_of(step.ruleset(), points), leaf.whole("value"))
    _check_quote(step, points)
    uses, there = leaf.uses(), engine.available(step.open_lots(), LONG_AGO)
    expected = engine.consume(step.open_lots(), min(points, there), at=LONG_AGO) if points > 0 < there else ()
    if uses != expected or there < points:
        step.differs("lots", "other lots are used than the rules say", expected=f"{points} of {there}", found=str(uses))
    lots.take(step, uses)
    operation = Operation(
        leaf.text_of("operation_id"), account.home, "redemption", leaf.ruleset, leaf.text_of("merchant"),
        leaf.whole("party"), uses=list(uses),
    )  # fmt: skip
    reward = leaf.detail.get("reward")
    if isinstance(reward, str):
        account.rewards.setdefault(reward, {})[operation.id] = leaf.occurred_at
    spending.count(step, operation.id, points)
    step.storage.put_operation(operation)
    lots.prolong(step, leaf.occurred_at)
    account.last_activity_at = max(leaf.occurred_at, account.last_activity_at or leaf.occurred_at)


def untold(account: Account, now: int) -> list[Finding]:
    """Signed redemptions of which no leaf has told in an hour."""
    return [
        Finding(
            "history",
            f"no leaf tells of points that {account.address} spent by signature",
            expected=f"a leaf within {TOLD_WITHIN_SECONDS} seconds",
            found=f"{one.points} points",
            block=one.block_number,
            transaction=one.transaction,
        )
        for one in account.signed
        if now - one.at > TOLD_WITHIN_SECONDS
    ]


def _event(account: Account, leaf: OpenedLeaf) -> Signed | None:
    place = (leaf.text_of("transaction"), leaf.whole("log_index"))
    return next((one for one in account.signed if (one.transaction, one.log_index) == place), None)


def _check_quote(step: Step, points: int) -> None:
    """What was signed names the quote by its hash: the merchant, the reference and the points must be the quote's."""
    leaf, text = step.leaf, step.leaf.detail.get("quote")
    if text is None:
        return
    quote = json_text.load(text) if isinstance(text, str) else None
    if not isinstance(quote, dict) or not isinstance(text, str):
        step.differs("history", "a quote cannot be read", expected="a document", found=text)
        return
    step.same("history", "the quote that was signed", leaf.text_of("quote_hash"), text_hash(text))
    told = (leaf.text_of("merchant"), leaf.text_of("reference"), points)
    step.same(
        "rewards", "what a quote says", (quote.get("merchant"), quote.get("reference"), quote.get("points")), told
    )
    if quote.get("reward") is not None:
        _check_quoted_price(step, quote, points)


def _check_quoted_price(step: Step, quote: Mapping[str, object], points: int) -> None:
    """The price is that of the level held when the quote was made, by the rules that it names. It tells whole seconds: where the
    level changed within one, either will do.
    """
    reward_id, hash_, deadline = quote["reward"], quote.get("ruleset"), quote.get("deadline")
    if not isinstance(hash_, str) or not isinstance(deadline, int):
        step.differs(
            "rewards", "a quote does not say its rules or its end", expected="ruleset, deadline", found=str(quote)
        )
        return
    try:
        reward = find_reward(step.ruleset_of(hash_), str(reward_id))
    except RewardUnavailable:
        step.differs(
            "rewards", "a quote is for a reward that its rules have not", expected="one of theirs", found=reward_id
        )
        return
    for name in ("order", "discount"):
        step.same("rewards", f"the {name} of a quote", quote.get(name), step.leaf.detail.get(name))
    check_order(step, reward)
    made_at = datetime.fromtimestamp(deadline, UTC) - QUOTE_LASTS
    tiers = {step.account.tier_at(made_at + timedelta(seconds=second)) for second in (0, 1)}
    if not any(points == price(reward, tier) for tier in tiers):
        has_price(step, reward, step.account.tier_at(made_at), points)
