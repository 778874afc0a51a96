"""Write-ahead: a transaction and its signed bytes become rows before anything is sent (DESIGN §5, rules A and B)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, insert, select

from token_service.chain.fees import Fees
from token_service.errors import InvariantBroken
from token_service.ledger.settlement_tables import attempts, transactions
from token_service.protocol.transactions import Transaction, transaction_hash


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction and the bytes that were signed for it."""

    sender: str
    transaction: Transaction
    raw: bytes

    @property
    def hash(self) -> str:
        return transaction_hash(self.raw)


def store_signed(
    connection: Connection,
    signed: Signed,
    *,
    purpose: str,
    batch_id: int | None = None,
    admin_operation_id: str | None = None,
) -> int:
    """Binds (sender, nonce) to this payload for ever; returns the row's id. A taken nonce raises IntegrityError."""
    result = connection.execute(
        insert(transactions).values(
            operator=signed.sender,
            nonce=signed.transaction.nonce,
            purpose=purpose,
            batch_id=batch_id,
            admin_operation_id=admin_operation_id,
            to=signed.transaction.to,
            data=signed.transaction.data,
            state="signed",
        )
    )
    transaction_id = inserted_id(result)
    store_attempt(connection, signed, transaction_id, bump=0)
    return transaction_id


def store_attempt(connection: Connection, signed: Signed, transaction_id: int, *, bump: int) -> None:
    """One set of signed bytes: attempts of a transaction differ in fees only."""
    transaction = signed.transaction
    connection.execute(
        insert(attempts).values(
            transaction_id=transaction_id,
            bump=bump,
            hash=signed.hash,
            raw=signed.raw,
            gas=transaction.gas,
            max_fee_per_gas=transaction.max_fee_per_gas,
            max_priority_fee_per_gas=transaction.max_priority_fee_per_gas,
        )
    )


def max_fee_of(connection: Connection, attempt_id: int) -> int:
    """What an attempt offers for a unit of gas, in wei."""
    query = select(attempts.c.max_fee_per_gas).where(attempts.c.id == attempt_id)
    return int(connection.execute(query).scalar_one())


def inserted_id(result: CursorResult[Any]) -> int:
    """The number that the database gave to the row just inserted."""
    key = result.inserted_primary_key
    if key is None:
        raise InvariantBroken("the database did not say which row it inserted")
    return int(key[0])


def unsigned(*, chain_id: int, nonce: int, fees: Fees, gas: int, to: str | None, data: bytes) -> Transaction:
    """A transaction without value."""
    return Transaction(
        chain_id=chain_id,
        nonce=nonce,
        max_priority_fee_per_gas=fees.max_priority_fee_per_gas,
        max_fee_per_gas=fees.max_fee_per_gas,
        gas=gas,
        to=to,
        value=0,
        data=data,
        is_legacy=fees.is_legacy,
    )
