"""What members did with wallets of their own, written again from the leaves that tell of it (ledger/following.py).

The events themselves are read by the indexer afterwards, and find that they are posted. Mandates are lost with the newer ledger,
and with that of a return the key of the address that it made: points there are spent as before, only leaving again needs it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update

from token_service.ledger import details, tables
from token_service.ledger.accounts import Account
from token_service.ledger.following import BOUND, REDEEMED, RETURNED
from token_service.ledger.repairing.gap import OpenedLeaf
from token_service.ledger.repairing.staging import stage_entry, use_again, uses_of
from token_service.ledger.staged import Operation
from token_service.ledger.transaction import Transaction
from token_service.units import EntryKind


def moved_again(tx: Transaction, account: Account, leaf: OpenedLeaf) -> None:
    """The member's address after a `left` or `returned`; the state follows from the facts."""
    document = leaf.document
    account.address = document["to"]
    members = tables.members.c
    tx.connection.execute(update(tables.members).where(members.id == account.id).values(address=document["to"]))
    if document["from"] != document["to"] or leaf.kind == "left":
        tx.connection.execute(delete(tables.member_keys).where(tables.member_keys.c.member_id == account.id))
    arguments = {"from_address": document["from"], "to_address": document["to"], "amount": document["points"]}
    if leaf.kind == "left":
        arguments["expires_at"] = document["expires_at"]
    _posted(tx, account, leaf, BOUND if leaf.kind == "left" else RETURNED, arguments)


def redeemed_again(tx: Transaction, account: Account, leaf: OpenedLeaf, operation: Operation) -> None:
    """The entry of points spent by signature: it has no leaf, so this fact tells of it."""
    document = leaf.document
    entry_id = tx.new_id("ent")
    names = ("points", "lots", "reward", "price", "value", "party", "quote", "quote_hash", "transaction", "log_index")
    entry = stage_entry(
        tx,
        account,
        entry_id=entry_id,
        kind=EntryKind.REDEMPTION,
        points=document["points"],
        party=document["party"],
        operation_id=operation.id,
        ruleset_hash=document["ruleset"],
        occurred_at=leaf.occurred_at,
        recorded_at=leaf.recorded_at,
        detail=details.detail(
            "redemption",
            leaf_id=entry_id,
            number=account.leaf_count + 1,
            joined_at=account.created_at,
            operation=operation,
            ruleset_hash=document["ruleset"],
            occurred_at=leaf.occurred_at,
            recorded_at=leaf.recorded_at,
            more={name: document[name] for name in (*names, "order", "discount") if name in document},
        ),
    )
    use_again(tx, account, entry, uses_of(document))
    arguments = {
        "account": account.address,
        "merchant": document["party"],
        "reward": document["quote_hash"],
        "amount": -document["points"],
    }
    _posted(tx, account, leaf, REDEEMED, arguments, entry_id=entry_id)


def _posted(
    tx: Transaction,
    account: Account,
    leaf: OpenedLeaf,
    name: str,
    arguments: dict[str, Any],
    *,
    entry_id: str | None = None,
) -> None:
    """To be inserted behind the entries: the event of this leaf is not posted a second time."""
    tx.wallet_rows.append(
        {
            "transaction_hash": leaf.document["transaction"],
            "log_index": leaf.document["log_index"],
            "block_number": 0,
            "block_time": leaf.occurred_at,
            "member_id": account.id,
            "name": name,
            "arguments": arguments,
            "state": "posted",
            "entry_id": entry_id,
        }
    )
