"""Mandates: what a member's own wallet signs, as it is shown, signed and called off (DESIGN §3.8, CONTRACT "Self-custody").

A mandate says everything that the contract will check: addresses, amounts, the account's nonce, a deadline. The signature is
checked here as far as that can be done without the chain, so that a wrong one is told at once; the contract decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Row, or_, select, update

from token_service.errors import Conflict, InvalidInput, NotFound
from token_service.ledger import checks, operations, views
from token_service.ledger.accounts import Account
from token_service.ledger.admin_operations import enqueue
from token_service.ledger.context import Actor, Context
from token_service.ledger.leaving import begin, check_nothing_held, stay
from token_service.ledger.mandate_views import digest_of, mandate_view, signing_address
from token_service.ledger.own_wallets import UNDER_WAY, nonce_of
from token_service.ledger.transaction import Transaction, read, write
from token_service.ledger.wallet_tables import mandates
from token_service.protocol.hashing import from_hex, to_hex
from token_service.protocol.signatures import SIGNATURE_BYTES, for_contract, signer_of

SIGNATURE_BYTES_MAX: Final = 4_096
OPEN: Final = ("unsigned", *UNDER_WAY)


def get_mandate(context: Context, actor: Actor, mandate_id: str) -> views.Mandate:
    """The mandate with the document to sign. Raises NotFound, for one of somebody else too."""
    return read(context, lambda tx: mandate_view(tx, visible_row(tx, actor, mandate_id)))


def member_mandates(context: Context, member_id: str, limit: int = 20) -> list[views.Mandate]:
    """The member's mandates, newest first."""
    query = select(mandates).where(mandates.c.member_id == member_id).order_by(mandates.c.seq.desc()).limit(limit)
    return read(context, lambda tx: [mandate_view(tx, row) for row in tx.connection.execute(query)])


def sign_mandate(
    context: Context, actor: Actor, mandate_id: str, signature: str, *, is_contract: bool = False
) -> views.Mandate:
    """The mandate with the wallet's signature (hex), on its way to the chain; repeatable with the same one.

    `is_contract`: the wallet is a contract (ERC-1271) whose word only the chain can check. Raises NotFound, InvalidInput when it
    is no signature of that wallet over this mandate, Conflict when the mandate has ended or something else came first,
    MemberFrozen.
    """

    def work(tx: Transaction) -> views.Mandate:
        row = visible_row(tx, actor, mandate_id)
        account = tx.account(row.member_id)
        row = _row(tx, mandate_id)  # as it is under the lock
        if row.state == "unsigned":
            _check_its_turn(tx, account, row)
            _sign(tx, account, row, _checked(tx, row, signature, is_contract=is_contract))
        elif row.state in ("failed", "cancelled") or row.signature != _normal(signature, is_contract=is_contract):
            raise Conflict("this mandate was signed before, or has ended")
        return mandate_view(tx, _row(tx, mandate_id))

    return write(context, work)


def cancel_mandate(context: Context, actor: Actor, mandate_id: str) -> views.Mandate:
    """The mandate, called off; what is on its way to the chain is not (Conflict). Repeatable. Raises NotFound."""

    def work(tx: Transaction) -> views.Mandate:
        account = tx.account(visible_row(tx, actor, mandate_id).member_id)
        row = _row(tx, mandate_id)
        if row.state == "waiting":
            stay(tx, account, row, "it was called off", state="cancelled")
        elif row.state == "unsigned":
            _set(tx, row, state="cancelled", ended_at=tx.now)
        elif row.state != "cancelled":
            raise Conflict("this mandate is on its way to the chain, or has ended")
        return mandate_view(tx, _row(tx, mandate_id))

    return write(context, work)


def visible_row(tx: Transaction, actor: Actor, mandate_id: str) -> Row[Any]:
    """The row, if the actor may see it: an admin all, a member their own, a merchant its own redemptions'."""
    row = _row(tx, mandate_id)
    is_theirs = actor.member_id is not None and row.member_id == actor.member_id
    is_merchants = actor.merchant_id is not None and row.merchant_id == actor.merchant_id
    if not (actor.is_admin or is_theirs or is_merchants):
        raise NotFound("no such mandate")
    return row


def _check_its_turn(tx: Transaction, account: Account, row: Row[Any]) -> None:
    """Raises Conflict, MemberFrozen, MemberLeaving when this cannot be signed now, whoever signs."""
    if tx.now.timestamp() >= row.deadline:
        raise Conflict("the time to sign this is over: ask for a new one")
    if row.ready_at is not None and row.exported_at is None:
        raise Conflict("the key was not taken yet")
    if nonce_of(tx, row.from_address) != row.nonce or _others_on_their_way(tx, row):
        raise Conflict("something else was signed with this wallet meanwhile: ask for a new one when it has arrived")
    if row.kind == "leave":
        operations.check_spending(account)
        check_nothing_held(account)
    elif account.state != "left" or account.address != row.from_address:
        raise Conflict("the member's points are not in the wallet that this is for any more")


def _sign(tx: Transaction, account: Account, row: Row[Any], signature: str) -> None:
    if row.kind == "redemption":
        send(tx, row, "redeem_with_signature", redemption_call(row, signature), signature=signature)
    else:
        begin(tx, account, row, signature)


def send(tx: Transaction, row: Row[Any], kind: str, arguments: Mapping[str, Any], *, signature: str | None) -> None:
    """Orders the transaction that brings the mandate to the contract: anyone may relay it, we pay for it."""
    operation_id = tx.new_id("adm")
    enqueue(tx.connection, operation_id=operation_id, kind=kind, arguments=arguments, created_at=tx.now)
    _set(tx, row, state="sent", signature=signature, admin_operation_id=operation_id)


def fail(tx: Transaction, row: Row[Any], because: str) -> None:
    """The mandate of a redemption has ended without effect."""
    _set(tx, row, state="failed", because=because, ended_at=tx.now)


def redemption_call(row: Row[Any], signature: str) -> dict[str, Any]:
    """The arguments of `redeem_with_signature`."""
    return {
        "account": row.from_address,
        "points": row.points,
        "merchant": row.party,
        "reward": row.quote_hash,
        "deadline": row.deadline,
        "signature": signature,
    }


def _checked(tx: Transaction, row: Row[Any], signature: str, *, is_contract: bool) -> str:
    """The signature as the contract takes it. Raises InvalidInput."""
    try:
        raw = from_hex(signature.strip().lower())
    except InvalidInput as error:
        raise checks.wrong("/signature", error.detail) from error
    if is_contract:
        if not 1 <= len(raw) <= SIGNATURE_BYTES_MAX:
            raise checks.wrong("/signature", f"a contract's signature has 1 to {SIGNATURE_BYTES_MAX} bytes here")
        return to_hex(raw)
    if len(raw) != SIGNATURE_BYTES:
        raise checks.wrong("/signature", "a wallet's signature is 0x and 130 hexadecimal digits")
    signer, wanted = signer_of(digest_of(tx, row), raw), signing_address(row)
    if signer != wanted:
        found = "by nobody" if signer is None else f"by {signer}"
        raise checks.wrong(
            "/signature", f"this was signed {found}, or over something else: {wanted} signs this document"
        )
    return to_hex(for_contract(raw))


def _normal(signature: str, *, is_contract: bool) -> str:
    """The signature as it is kept, for comparing: whoever sends the same again has the same answer."""
    try:
        raw = from_hex(signature.strip().lower())
    except InvalidInput as error:
        raise checks.wrong("/signature", error.detail) from error
    return to_hex(raw if is_contract else for_contract(raw))


def _others_on_their_way(tx: Transaction, row: Row[Any]) -> bool:
    columns = mandates.c
    mine = (columns.member_id == row.member_id) & (columns.id != row.id)
    query = select(columns.id).where(mine, or_(columns.state == "waiting", columns.state == "sent"))
    return tx.connection.execute(query.limit(1)).first() is not None


def _row(tx: Transaction, mandate_id: str) -> Row[Any]:
    row = tx.connection.execute(select(mandates).where(mandates.c.id == mandate_id)).one_or_none()
    if row is None:
        raise NotFound("no such mandate")
    return row


def _set(tx: Transaction, row: Row[Any], **values: Any) -> None:
    tx.connection.execute(update(mandates).where(mandates.c.id == row.id).values(**values))
