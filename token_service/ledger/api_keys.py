"""API keys: 256 random bits, shown once, stored as a hash, limited by scopes, revoked for ever."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, select, update

from token_service.errors import NotFound, Unauthorized
from token_service.ledger import checks, cursors, direct, tables, views
from token_service.ledger.context import ADMIN_SCOPES, SCOPES, Actor, Context
from token_service.ledger.inputs import NewApiKey
from token_service.ledger.transaction import Transaction, read, write

PREFIX: Final = "mk_"
SECRET_LENGTH_MAX: Final = 100
_HOLDER: Final = select(*tables.api_keys.c["id", "merchant_id", "scopes"]).where(
    tables.api_keys.c.key_hash == bindparam("key_hash"), tables.api_keys.c.revoked_at.is_(None)
)


def create_api_key(context: Context, actor: Actor, new: NewApiKey) -> views.NewApiKeyView:
    """A key and its secret, which is not stored. Raises Forbidden (admins only), NotFound (merchant), InvalidInput
    (scope).
    """
    actor.need_admin()
    secret = PREFIX + base64.urlsafe_b64encode(context.random_bytes(32)).decode().rstrip("=")

    def work(tx: Transaction) -> views.NewApiKeyView:
        checks.text("/name", new.name, longest=100)
        if new.merchant_id is not None:
            tx.merchant(new.merchant_id)
        row = {
            "id": tx.new_id("key"),
            "key_hash": _hash(secret),
            "name": new.name,
            "merchant_id": new.merchant_id,
            "scopes": sorted(_scopes(new)),
            "created_at": tx.now,
        }
        tx.connection.execute(insert(tables.api_keys).values(**row))
        return views.NewApiKeyView(_view(_row(tx, str(row["id"]))), secret)

    return write(context, work)


def authenticate(context: Context, secret: str) -> Actor:
    """Who holds this secret; a key that another process revoked is known for a second more (known_keys.py). Raises Unauthorized
    for an unknown or revoked key, without saying which.
    """
    if not secret.isascii() or not secret.startswith(PREFIX) or len(secret) > SECRET_LENGTH_MAX:
        raise Unauthorized("this API key is not valid")
    key_hash, now = _hash(secret), context.now()
    holder = context.known_keys.find(key_hash, now)
    if holder is None:
        holder = _holder(context, key_hash)
        context.known_keys.remember(key_hash, holder, now)
    return holder


def _holder(context: Context, key_hash: str) -> Actor:
    with context.store.ask() as connection:
        rows = direct.ask(connection, _HOLDER, {"key_hash": key_hash})
    if not rows:
        raise Unauthorized("this API key is not valid")
    row = rows[0]
    scopes = frozenset(row.scopes)
    return Actor(name=row.id, merchant_id=row.merchant_id, scopes=scopes, is_admin=row.merchant_id is None)


def list_api_keys(
    context: Context,
    actor: Actor,
    merchant_id: str | None = None,
    limit: int = cursors.LIMIT_DEFAULT,
    cursor: str | None = None,
) -> views.Page[views.ApiKey]:
    """Keys, oldest first, without secrets; a merchant sees its own. Revoked ones stay in the list."""
    cursors.check_limit(limit)
    columns = tables.api_keys.c
    query = select(tables.api_keys).order_by(columns.id).limit(limit + 1)
    if not actor.is_admin or merchant_id is not None:
        query = query.where(columns.merchant_id == actor.acting_merchant(merchant_id))
    if cursor is not None:
        query = query.where(columns.id > cursors.decode(cursor))

    def work(tx: Transaction) -> views.Page[views.ApiKey]:
        return cursors.page(tx.connection.execute(query).all(), limit, "id", _view)

    return read(context, work)


def list_admin_keys(
    context: Context, actor: Actor, limit: int = cursors.LIMIT_DEFAULT, cursor: str | None = None
) -> views.Page[views.ApiKey]:
    """The keys of the whole programme, oldest first, revoked ones too. Raises Forbidden (admins only)."""
    actor.need_admin()
    cursors.check_limit(limit)
    columns = tables.api_keys.c
    query = select(tables.api_keys).where(columns.merchant_id.is_(None)).order_by(columns.id).limit(limit + 1)
    if cursor is not None:
        query = query.where(columns.id > cursors.decode(cursor))
    return read(context, lambda tx: cursors.page(tx.connection.execute(query).all(), limit, "id", _view))


def get_api_key(context: Context, actor: Actor, key_id: str) -> views.ApiKey:
    """Raises Forbidden (admins only), NotFound."""
    actor.need_admin()
    return read(context, lambda tx: _view(_row(tx, key_id)))


def revoke_api_key(context: Context, actor: Actor, key_id: str) -> views.ApiKey:
    """The key, of no more use from now on, to other processes within a second. Repeatable. Raises Forbidden (admins only),
    NotFound.
    """
    actor.need_admin()

    def work(tx: Transaction) -> views.ApiKey:
        columns = tables.api_keys.c
        _row(tx, key_id)
        statement = update(tables.api_keys).where(columns.id == key_id, columns.revoked_at.is_(None))
        tx.connection.execute(statement.values(revoked_at=tx.now))
        return _view(_row(tx, key_id))

    revoked = write(context, work)
    context.known_keys.forget(key_id)
    return revoked


def _scopes(new: NewApiKey) -> set[str]:
    allowed = ADMIN_SCOPES if new.merchant_id is None else SCOPES
    asked = set(new.scopes or allowed)
    if asked - set(ADMIN_SCOPES):
        raise checks.wrong("/scopes", "names a scope that does not exist")
    if asked - set(allowed):
        raise checks.wrong("/scopes", "names a scope that only an admin's key can have")
    return asked


def _row(tx: Transaction, key_id: str) -> Row[Any]:
    row = tx.connection.execute(select(tables.api_keys).where(tables.api_keys.c.id == key_id)).one_or_none()
    if row is None:
        raise NotFound("no such API key")
    return row


def _view(row: Row[Any]) -> views.ApiKey:
    return views.ApiKey(
        id=row.id,
        created_at=row.created_at,
        name=row.name,
        merchant_id=row.merchant_id,
        scopes=tuple(row.scopes),
        revoked_at=row.revoked_at,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
