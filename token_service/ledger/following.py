"""The ledger follows the chain for members who keep their own points: what final blocks say becomes states and entries
(DESIGN §3.8).

Each event is kept once, by its place on the chain. A member's events are posted in order; a redemption that the ledger's balance
cannot cover yet waits, because an expiry that the contract will skip is on its way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from token_service.ledger import leaving, stored_lots, tables
from token_service.ledger.accounts import Account
from token_service.ledger.awards import pay_debts
from token_service.ledger.context import Context
from token_service.ledger.details import lots_of
from token_service.ledger.own_wallets import UNDER_WAY
from token_service.ledger.posting import change_lots, fact
from token_service.ledger.promising import promise_anew
from token_service.ledger.staged import Operation
from token_service.ledger.stock import take_piece
from token_service.ledger.transaction import Transaction
from token_service.ledger.wallet_tables import mandates, wallet_accounts, wallet_events
from token_service.program import lots as engine
from token_service.program.rewards import value_of
from token_service.units import EntryKind

BOUND: Final = "SelfCustodyBound"
RETURNED: Final = "ReturnedToCustody"
REDEEMED: Final = "Redeemed"
RAISED: Final = "SelfCustodyExpiryRaised"
INVALIDATED: Final = "NonceInvalidated"
EVENTS: Final = (BOUND, RETURNED, REDEEMED, RAISED, INVALIDATED)
UNKNOWN_CONTENT: Final = "signed"


@dataclass(frozen=True, slots=True)
class WalletEvent:
    """One of EVENTS in a final block."""

    name: str
    arguments: Mapping[str, Any]
    block_hash: str
    log_index: int
    block_number: int
    block_time: datetime
    transaction_hash: str


def follow(connection: Connection, context: Context, event: WalletEvent) -> None:
    """Takes in one event, in the chain's order, inside the indexer's transaction: once, or it would count twice. What it says of
    the member is posted once in any case: a repaired ledger has it already.
    """
    seen = wallet_events.c
    mine = (seen.transaction_hash == event.transaction_hash) & (seen.log_index == event.log_index)
    member_id = _member_of(connection, event)
    _count(connection, event)
    if member_id is None or event.name not in _POSTS or connection.execute(select(seen.name).where(mine)).first():
        return
    row = {name: getattr(event, name) for name in WalletEvent.__slots__} | {"arguments": dict(event.arguments)}
    connection.execute(insert(wallet_events).values(**row, member_id=member_id, state="waits"))
    _post_waiting(connection, context, member_id)


def post_waiting(connection: Connection, context: Context) -> None:
    """Posts what waited for an entry on its way, as far as it can be posted now."""
    query = select(wallet_events.c.member_id).where(wallet_events.c.state == "waits").distinct()
    for member_id in connection.execute(query).scalars().all():
        _post_waiting(connection, context, member_id)


def _post_waiting(connection: Connection, context: Context, member_id: str) -> None:
    columns = wallet_events.c
    query = select(wallet_events).where(columns.member_id == member_id, columns.state == "waits")
    for row in connection.execute(query.order_by(columns.block_number, columns.log_index)).all():
        tx = Transaction(context, connection)
        account = tx.account(member_id)
        if account.sealed_salt_key is None or not _POSTS[row.name](tx, account, row):
            return
        tx.flush()
        mine = (columns.transaction_hash == row.transaction_hash) & (columns.log_index == row.log_index)
        entry_id = next((entry.id for entry in tx.staged.entries if entry.id in tx.entries_on_chain), None)
        connection.execute(update(wallet_events).where(mine).values(state="posted", entry_id=entry_id))


def _member_of(connection: Connection, event: WalletEvent) -> str | None:
    """Whose account it is; also of one whose earlier event, which moves it, still waits."""
    address = str(event.arguments.get("from_address") or event.arguments.get("account"))
    query = select(tables.members.c.id).where(tables.members.c.address == address)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else str(found)


def _count(connection: Connection, event: WalletEvent) -> None:
    """What the contract knows of the accounts now: nonces, flags, dates (SelfCustody.sol)."""
    given = event.arguments
    if event.name == BOUND:
        bound = {"is_self_custody": True, "expires_at": given["expires_at"]}
        if given["from_address"] != given["to_address"]:
            _account(connection, given["from_address"], is_self_custody=False, expires_at=0)
        _account(connection, given["to_address"], **bound)
    elif event.name == RETURNED:
        _account(connection, given["from_address"], is_self_custody=False, expires_at=0)
    elif event.name == REDEEMED:
        _account(connection, given["account"], nonce=given["nonce"] + 1)
    elif event.name == INVALIDATED:
        _account(connection, given["account"], nonce=given["nonce"])
    else:
        _account(connection, given["account"], expires_at=given["expires_at"], is_counted=False)


def _account(connection: Connection, address: str, *, is_counted: bool = True, **values: Any) -> None:
    """Changes the account's row, or makes it; its nonce goes on by one unless the event says which it is."""
    columns = wallet_accounts.c
    before = connection.execute(select(columns.nonce).where(columns.address == address)).scalar_one_or_none()
    nonce = values.pop("nonce", (before or 0) + is_counted)
    if before is None:
        connection.execute(insert(wallet_accounts).values(address=address, nonce=nonce, **values))
    else:
        connection.execute(update(wallet_accounts).where(columns.address == address).values(nonce=nonce, **values))


# --- what each event posts --------------------------------------------------------------------------------------------------


def _bound(tx: Transaction, account: Account, row: Row[Any]) -> bool:
    """The points are at the member's own address: what was recorded meanwhile is settled there."""
    given = row.arguments
    if not _move(tx, account, given["to_address"]):
        return False
    tx.connection.execute(delete(tables.member_keys).where(tables.member_keys.c.member_id == account.id))
    fact(tx, account, "left", operation=None, more=_said(row) | {"expires_at": given["expires_at"]})
    leaving.set_state(tx, account, "left")
    _end(tx, account, "leave", given["to_address"])
    return True


def _returned(tx: Transaction, account: Account, row: Row[Any]) -> bool:
    """The points are in our keeping again; where they came to is ours if we made it for this."""
    given = row.arguments
    if not _move(tx, account, given["to_address"]):
        return False
    columns = mandates.c
    made = select(columns.sealed_key).where(columns.member_id == account.id, columns.to_address == given["to_address"])
    sealed_key = tx.connection.execute(made.where(columns.sealed_key.is_not(None))).scalar_one_or_none()
    if sealed_key is not None:
        key = {"member_id": account.id, "address": given["to_address"], "sealed_key": sealed_key, "created_at": tx.now}
        tx.connection.execute(insert(tables.member_keys).values(**key))
    fact(tx, account, "returned", operation=None, more=_said(row))
    leaving.set_state(tx, account, "active")
    _end(tx, account, "return", given["to_address"])
    pay_debts(tx, account)
    return True


def _redeemed(tx: Transaction, account: Account, row: Row[Any]) -> bool:
    """Points spent by the member's signature: a redemption whose entry is on the chain already."""
    given, points = row.arguments, row.arguments["amount"]
    if account.available < points:
        return False
    mandate = _mandate(tx, account, given)
    operation = _operation(tx, account, row, mandate)
    tx.staged.operations.append(operation)
    take_piece(tx, operation.facts["reward_id"], is_there=False)
    uses = engine.consume(stored_lots.open_lots(tx, account), points, at=stored_lots.LONG_AGO)
    more = {
        "reward": None if mandate is None else mandate.reward_id,
        "price": points,
        "value": operation.facts["value"],
        "party": given["merchant"],
        "quote": None if mandate is None else mandate.quote,
        "quote_hash": given["reward"],
        "transaction": row.transaction_hash,
        "log_index": row.log_index,
        **_order_of(mandate),
    }
    fact(tx, account, "signed_redemption", operation=operation, more={"points": -points, "lots": lots_of(uses), **more})
    entry = change_lots(
        tx,
        account,
        operation,
        kind=EntryKind.REDEMPTION,
        uses=uses,
        party=given["merchant"],
        more=more,
        is_on_chain=True,
    )
    tx.entries_on_chain.add(entry.id)
    at = operation.occurred_at
    stored_lots.extend_lots(tx, account, activity_at=at, operation_id=operation.id)
    account.last_activity_at = max(at, account.last_activity_at or at)
    if mandate is not None:
        ended = update(mandates).where(mandates.c.id == mandate.id)
        tx.connection.execute(ended.values(state="final", because=None, ended_at=tx.now))
    return True


_POSTS: Final[Mapping[str, Callable[[Transaction, Account, Row[Any]], bool]]] = {
    BOUND: _bound,
    RETURNED: _returned,
    REDEEMED: _redeemed,
}


def _said(row: Row[Any]) -> dict[str, Any]:
    given = row.arguments
    return {
        "from": given["from_address"],
        "to": given["to_address"],
        "points": given["amount"],
        "transaction": row.transaction_hash,
        "log_index": row.log_index,
    }


def _move(tx: Transaction, account: Account, to_address: str) -> bool:
    """The member's address from here on, also for what waits to be settled. False for an address of another member: that needs
    a person, and reconciliation says so.
    """
    if to_address == account.address:
        return True
    members = tables.members.c
    if tx.connection.execute(select(members.id).where(members.address == to_address)).first() is not None:
        return False
    account.address = to_address
    tx.connection.execute(update(tables.members).where(members.id == account.id).values(address=to_address))
    promise_anew(tx, account)
    return True


def _end(tx: Transaction, account: Account, kind: str, to_address: str) -> None:
    """The mandate that asked for this is final, and any other of this kind has failed: the points have moved."""
    columns = mandates.c
    mine = (columns.member_id == account.id) & (columns.kind != "redemption")
    asked = select(columns.id).where(mine, columns.kind == kind, columns.to_address == to_address)
    asked = asked.where(columns.state.in_((*UNDER_WAY, "failed")), columns.after_seq.is_not(None))
    newest = tx.connection.execute(asked.order_by(columns.seq.desc()).limit(1)).scalar_one_or_none()
    done = update(mandates).where(columns.id == newest)
    tx.connection.execute(done.values(state="final", because=None, ended_at=tx.now))
    others = update(mandates).where(mine, columns.state.in_(("unsigned", *UNDER_WAY)))
    tx.connection.execute(others.values(state="failed", because="the points moved otherwise", ended_at=tx.now))


def _mandate(tx: Transaction, account: Account, given: Mapping[str, Any]) -> Row[Any] | None:
    """The quote that was signed, if it is one of ours and says the same."""
    columns = mandates.c
    query = select(mandates).where(columns.quote_hash == given["reward"], columns.member_id == account.id)
    row = tx.connection.execute(query).one_or_none()
    if row is None or (row.points, row.party) != (given["amount"], given["merchant"]):
        return None
    return row


def _operation(tx: Transaction, account: Account, row: Row[Any], mandate: Row[Any] | None) -> Operation:
    """The merchant's redemption: under the quote's reference, or under the event's place if nobody here quoted it."""
    given = row.arguments
    ruleset_hash = tx.ruleset_hash_at(tx.now)
    value = value_of(tx.ruleset(ruleset_hash), given["amount"])
    merchant_id, reference = _name(tx, row, mandate)
    return Operation(
        id=tx.new_id("red"),
        kind="redemption",
        merchant_id=merchant_id,
        member_id=account.id,
        reference=reference,
        content_hash=UNKNOWN_CONTENT,
        ruleset_hash=ruleset_hash,
        occurred_at=min(row.block_time, tx.now),
        recorded_at=tx.now,
        facts={
            "points": given["amount"],
            "reward_id": None if mandate is None else mandate.reward_id,
            "value": value,
            "by_signature": row.transaction_hash,
            **_order_of(mandate),
        },
        result={},
    )


def _order_of(mandate: Row[Any] | None) -> dict[str, Any]:
    """What the quote says of an order, and of what comes off it."""
    quote = {} if mandate is None else json.loads(mandate.quote)
    return {name: quote[name] for name in ("order", "discount") if name in quote}


def _name(tx: Transaction, row: Row[Any], mandate: Row[Any] | None) -> tuple[str, str]:
    """(merchant, reference) that no other redemption has."""
    if mandate is not None:
        columns = tables.operations.c
        same = (columns.merchant_id == mandate.merchant_id) & (columns.reference == mandate.reference)
        taken = select(columns.id).where(same, columns.kind == "redemption")
        if tx.connection.execute(taken).first() is None:
            return mandate.merchant_id, mandate.reference
    merchants = tables.merchants.c
    found = tx.connection.execute(select(merchants.id).where(merchants.party == row.arguments["merchant"])).scalar()
    merchant_id = tx.own_merchant.id if found is None else str(found)
    return merchant_id, f"signed:{row.transaction_hash}:{row.log_index}"
