"""Commitments and promises of what is about to be written (CONTRACT §2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from token_service.errors import InvariantBroken, NotInitialised
from token_service.ledger.accounts import Account
from token_service.ledger.settlement_tables import leaves as table
from token_service.ledger.staged import Leaf
from token_service.ledger.transaction import Transaction
from token_service.protocol import receipts
from token_service.protocol.promises import Promise, digest


def leaf_rows(tx: Transaction, leaves: Sequence[Leaf]) -> list[dict[str, Any]]:
    """Rows of `leaves` in state accepted, committed and promised."""
    settle_by = (tx.now + tx.context.settle_within).replace(microsecond=0)
    keys: dict[str, bytes] = {}
    return [_row(tx, leaf, settle_by, keys) for leaf in leaves]


def _row(tx: Transaction, leaf: Leaf, settle_by: datetime, keys: dict[str, bytes]) -> dict[str, Any]:
    account = tx.account(leaf.member_id)
    if leaf.member_id not in keys:
        keys[leaf.member_id] = salt_key(tx, account.sealed_salt_key)
    commitment = receipts.commitment(receipts.salt(keys[leaf.member_id], leaf.id), leaf.detail)
    promise = Promise(
        chain_id=tx.program.chain_id,
        contract=contract_of(tx),
        entry_id=leaf.id,
        account=account.address,
        kind=int(leaf.kind),
        party=leaf.party,
        amount=leaf.amount,
        commitment=commitment,
        settle_by=int(settle_by.timestamp()),
    )
    return {
        "id": leaf.id,
        "member_id": leaf.member_id,
        "lane": account.lane,
        "account": account.address,
        "kind": int(leaf.kind),
        "party": leaf.party,
        "amount": leaf.amount,
        "commitment": commitment,
        "recorded_at": tx.now,
        "settle_by": settle_by,
        "promise": "0x" + tx.context.promise_signer(digest(promise)).hex(),
        "state": "accepted",
    }


def promise_anew(tx: Transaction, account: Account) -> None:
    """The member's waiting leaves, at the address that holds the points now: what is promised names it."""
    columns = table.c
    query = select(table).where(columns.member_id == account.id, columns.state == "accepted")
    for row in tx.connection.execute(query).all():
        promise = Promise(
            chain_id=tx.program.chain_id,
            contract=contract_of(tx),
            entry_id=row.id,
            account=account.address,
            kind=row.kind,
            party=row.party,
            amount=row.amount,
            commitment=row.commitment,
            settle_by=int(row.settle_by.timestamp()),
        )
        signature = "0x" + tx.context.promise_signer(digest(promise)).hex()
        values = {"account": account.address, "promise": signature}
        tx.connection.execute(update(table).where(columns.seq == row.seq).values(**values))


def salt_key(tx: Transaction, sealed: bytes | None) -> bytes:
    """A member's salt key, opened."""
    if sealed is None:
        raise InvariantBroken("an erased member cannot have new entries")
    return tx.context.salts.open(sealed)


def contract_of(tx: Transaction) -> str:
    """The contract's address. Raises NotInitialised before it is deployed."""
    address = tx.program.contract_address
    if address is None:
        raise NotInitialised("the contract is not deployed yet: run `mereau deploy`")
    return str(address)
