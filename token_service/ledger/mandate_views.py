"""A mandate as it is shown, and the EIP-712 document of it that a wallet signs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from token_service.ledger import views
from token_service.ledger.promising import contract_of
from token_service.ledger.transaction import Transaction
from token_service.protocol import typed_data, wallet_documents


def document_of(tx: Transaction, row: Row[Any]) -> wallet_documents.Document:
    """The EIP-712 document that the wallet signs."""
    chain_id, contract = tx.program.chain_id, contract_of(tx)
    common = {"nonce": row.nonce, "deadline": row.deadline}
    if row.kind == "redemption":
        return wallet_documents.redeem_document(
            chain_id, contract,
            account=row.from_address, amount=row.points, merchant=row.party, reward=row.quote_hash, **common,
        )  # fmt: skip
    ends = {"from_address": row.from_address, "to_address": row.to_address}
    if row.kind == "leave":
        return wallet_documents.bind_document(chain_id, contract, **ends, expires_at=row.expires_at, **common)
    return wallet_documents.return_document(chain_id, contract, **ends, **common)


def digest_of(tx: Transaction, row: Row[Any]) -> bytes:
    """The 32 bytes that the document's signature is over."""
    domain = typed_data.domain_separator(tx.program.chain_id, contract_of(tx))
    common = {"nonce": row.nonce, "deadline": row.deadline}
    if row.kind == "redemption":
        return typed_data.redeem_digest(
            domain, account=row.from_address, amount=row.points, merchant=row.party, reward=row.quote_hash, **common
        )
    ends = {"from_address": row.from_address, "to_address": row.to_address}
    if row.kind == "leave":
        return typed_data.bind_digest(domain, **ends, expires_at=row.expires_at, **common)
    return typed_data.return_digest(domain, **ends, **common)


def signing_address(row: Row[Any]) -> str:
    """Whose signature the mandate needs: the wallet that the points go to, or are in."""
    return str(row.to_address if row.kind == "leave" else row.from_address)


def mandate_view(tx: Transaction, row: Row[Any]) -> views.Mandate:
    """The mandate as API and pages show it. One whose time is over unsigned counts as failed."""
    deadline = datetime.fromtimestamp(row.deadline, UTC)
    has_lapsed = row.state == "unsigned" and tx.now >= deadline
    return views.Mandate(
        id=row.id,
        created_at=row.created_at,
        kind=row.kind,
        state="failed" if has_lapsed else row.state,
        member_id=row.member_id,
        merchant_id=row.merchant_id,
        merchant_name=None if row.merchant_id is None else tx.merchant(row.merchant_id).name,
        reference=row.reference,
        points=row.points,
        reward_id=row.reward_id,
        from_address=row.from_address,
        to_address=row.to_address,
        signing_address=signing_address(row),
        deadline=deadline,
        points_may_expire_at=datetime.fromtimestamp(row.expires_at, UTC) if row.expires_at else None,
        document=document_of(tx, row),
        because="it was not signed in time" if has_lapsed else row.because,
        key_ready_at=row.ready_at,
        key_taken_at=row.exported_at,
    )
