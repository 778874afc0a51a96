"""Quotes: a merchant asks a member who keeps their own points to spend some, by signature (DESIGN §3.8, CONTRACT "Self-custody").

What is signed names the merchant, the points and the hash of the quote. When the chain says so it is a redemption like any other,
with the merchant's reference (following.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select

from token_service.errors import Conflict, ReferenceConflict, RewardUnavailable
from token_service.ledger import checks, operations, views
from token_service.ledger.accounts import Account
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewRedemption
from token_service.ledger.mandate_views import mandate_view
from token_service.ledger.noting_refusals import asked_by
from token_service.ledger.orders import content_of, fitted, fitted_redemption, said_of
from token_service.ledger.own_wallets import nonce_of
from token_service.ledger.redemptions import check_running
from token_service.ledger.reward_uses import whose
from token_service.ledger.stock import check_stock
from token_service.ledger.tiers import review_if_due
from token_service.ledger.transaction import Transaction, simulate, write
from token_service.ledger.wallet_tables import mandates
from token_service.program.rewards import QUOTE_LASTS, check_redemption, find_reward, value_of
from token_service.protocol.hashing import text_hash
from token_service.protocol.receipts import jcs


@dataclass(frozen=True, slots=True)
class QuoteOutcome:
    """The mandate to sign; `created` is False when the reference was known with the same content."""

    mandate: views.Mandate
    created: bool


def quote(context: Context, actor: Actor, new: NewRedemption) -> QuoteOutcome:
    """The mandate for the member to sign; the first one again when its reference is known with the same content.

    Raises Conflict for a member whose points are in our keeping (redeem as usual), InsufficientBalance, RewardUnavailable,
    ReferenceConflict, NotFound, InvalidInput, ProgramPaused, BacklogFull.
    """
    return write(context, lambda tx: _quote(tx, actor, new), asked_by(actor, "quote", new))


@dataclass(frozen=True, slots=True)
class QuotePreview:
    """The points that a quote would ask for, and what would come off the order."""

    points: int
    discount: views.Money | None


def preview_quote(context: Context, actor: Actor, new: NewRedemption) -> QuotePreview:
    """What `quote` would say now; nothing is recorded. Raises as `quote`."""

    def work(tx: Transaction) -> QuotePreview:
        merchant_id = actor.acting_merchant(new.merchant_id)
        account = tx.member_of(merchant_id, member_id=new.member_id, external_id=None)
        _, points, said = _priced(tx, account, new)
        off = said.get("discount")
        return QuotePreview(points, None if off is None else views.Money(off, tx.program.currency))

    return simulate(context, work)


def _quote(tx: Transaction, actor: Actor, new: NewRedemption) -> QuoteOutcome:
    merchant_id = actor.acting_merchant(new.merchant_id)
    account = tx.member_of(merchant_id, member_id=new.member_id, external_id=None)
    party = tx.merchant(merchant_id).party
    checks.reference(new.reference)
    first = _first(tx, merchant_id, new)
    if first is not None:
        return QuoteOutcome(mandate_view(tx, first), created=False)
    content = operations.content_hash(content_of(new) | {"merchant_id": merchant_id})
    if operations.known(tx, merchant_id=merchant_id, kind="redemption", reference=new.reference, content=content):
        raise ReferenceConflict("this reference names a redemption already")
    operations.check_backlog(tx)
    review_if_due(tx, account)
    ruleset_hash, points, said = _priced(tx, account, new)
    deadline = int((tx.now + QUOTE_LASTS).timestamp())
    mandate_id = tx.new_id("man")
    text = jcs(
        {
            "v": 1,
            "id": mandate_id,
            "merchant": merchant_id,
            "reference": new.reference,
            "reward": new.reward_id,
            "points": points,
            "value": value_of(tx.ruleset(ruleset_hash), points),
            "ruleset": ruleset_hash,
            "deadline": deadline,
            **said,
        }
    )
    row = {
        "id": mandate_id,
        "kind": "redemption",
        "state": "unsigned",
        "member_id": account.id,
        "actor": actor.name,
        "from_address": account.address,
        "merchant_id": merchant_id,
        "reference": new.reference,
        "party": party,
        "points": points,
        "reward_id": new.reward_id,
        "quote": text,
        "quote_hash": text_hash(text),
        "nonce": nonce_of(tx, account.address),
        "deadline": deadline,
        "created_at": tx.now,
    }
    tx.connection.execute(insert(mandates).values(**row))
    return QuoteOutcome(mandate_view(tx, _named(tx, merchant_id, new.reference)), created=True)


def _priced(tx: Transaction, account: Account, new: NewRedemption) -> tuple[str, int, dict[str, Any]]:
    """The hash of the ruleset in force, the points by it, and what comes off the order. Raises what speaks against it."""
    if account.state != "left":
        raise Conflict("the member's points are in our keeping: redeem them without a quote")
    check_running(tx)
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    points = check_redemption(
        tx.ruleset(ruleset_hash),
        points=new.points,
        reward_id=new.reward_id,
        available=account.available,
        whose=whose(tx, account),
        at=tx.now,
    )
    check_stock(tx, new.reward_id)
    return ruleset_hash, points, said_of(fitted_redemption(tx, new))


def _first(tx: Transaction, merchant_id: str, new: NewRedemption) -> Row[Any] | None:
    columns = mandates.c
    query = select(mandates).where(columns.merchant_id == merchant_id, columns.reference == new.reference)
    row = tx.connection.execute(query).one_or_none()
    if row is None:
        return None
    asked = (
        row.reward_id == new.reward_id if new.reward_id is not None else row.points == new.points and not row.reward_id
    )
    if row.member_id != new.member_id or not asked or not _is_of_order(tx, json.loads(row.quote), new):
        raise ReferenceConflict("this reference names something else already", existing_id=row.id)
    return row


def _is_of_order(tx: Transaction, quote: Mapping[str, Any], new: NewRedemption) -> bool:
    """Whether the quote was made for this order, as far as it counts: its total, and what of it the reward is for."""
    if new.order is None or new.reward_id is None:
        return "order" not in quote
    try:
        found = fitted(tx, find_reward(tx.ruleset(quote["ruleset"]), new.reward_id), new.order)
    except RewardUnavailable:
        return False
    return said_of(found).get("order") == quote.get("order")


def _named(tx: Transaction, merchant_id: str, reference: str) -> Row[Any]:
    columns = mandates.c
    query = select(mandates).where(columns.merchant_id == merchant_id, columns.reference == reference)
    return tx.connection.execute(query).one()
