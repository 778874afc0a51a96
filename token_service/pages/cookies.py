"""The cookies, their names and their flags. The secret ones hold 256 random bits that the database knows only by hash.

`session` says which member is signed in, `staff` who of the staff; `ticket` ties a code to the browser that asked for
it. Over https they carry the `__Host-` prefix (never sent elsewhere, never set by a subdomain); on plain http, which is
for this machine only, they can't.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from token_service.ledger.sessions import CODE_LIFETIME, SESSION_LIFETIME
from token_service.ledger.staff_sessions import STAFF_SESSION_LIFETIME
from token_service.pages.services import services

LIFETIMES: Final = {
    "session": SESSION_LIFETIME,
    "ticket": CODE_LIFETIME,
    "staff": STAFF_SESSION_LIFETIME,
    "language": timedelta(days=365),
}
SECRET_BYTES: Final = 32


def new_secret() -> str:
    """256 random bits as 64 hex digits."""
    return services().context.random_bytes(SECRET_BYTES).hex()


def hashed(secret: str) -> str:
    """SHA-256 hex, as the database stores it: no salt needed for 256 random bits."""
    return sha256(secret.encode()).hexdigest()


def read_cookie(name: str) -> str | None:
    """The cookie's value if the browser sent a plausible one."""
    value = request.cookies.get(_full_name(name))
    return value if value and len(value) <= 2 * SECRET_BYTES else None


def set_cookie(response: Response, name: str, value: str) -> None:
    """Not readable by scripts, not sent along by other sites' forms."""
    lifetime = int(LIFETIMES[name].total_seconds())
    secure = services().secure
    response.set_cookie(
        _full_name(name), value, max_age=lifetime, path="/", secure=secure, httponly=True, samesite="Lax"
    )


def clear_cookie(response: Response, name: str) -> None:
    """The browser forgets it."""
    response.delete_cookie(_full_name(name), path="/", secure=services().secure, httponly=True, samesite="Lax")


def _full_name(name: str) -> str:
    return f"__Host-{name}" if services().secure else name
