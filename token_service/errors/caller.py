"""The caller's move: the same request will never succeed as it stands."""

from __future__ import annotations

from token_service.errors.root import MereauError


class CallerError(MereauError):
    """The request is wrong or may not be done; nothing was changed."""

    code = "invalid_request"
    title = "The request cannot be done"


class InvalidInput(CallerError):
    """A value is of the wrong type, out of range, or contradicts another one."""

    code = "invalid_input"
    title = "The input is not valid"


class NotFound(CallerError):
    """No such object, or none that this caller may see: the two are never told apart."""

    code = "not_found"
    title = "Not found"


class VoucherUnknown(NotFound):
    """No voucher has this code."""

    code = "voucher_unknown"
    title = "No voucher has this code"


class MemberCodeExpired(NotFound):
    """No member shows this code now: it expired, or never was one."""

    code = "member_code_expired"
    title = "This code is not valid, or no longer"


class Unauthorized(CallerError):
    """No key, an unknown key, or a revoked one."""

    code = "unauthorized"
    title = "A valid API key is needed"


class Forbidden(CallerError):
    """The key is valid but lacks the scope."""

    code = "forbidden"
    title = "This key may not do that"


class Conflict(CallerError):
    """The request contradicts something already recorded."""

    code = "conflict"
    title = "Already recorded otherwise"


class ReferenceConflict(Conflict):
    """The reference is taken by other content; `existing_id` names the first object."""

    code = "reference_conflict"
    title = "This reference was used for something else"


class AlreadyReversed(Conflict):
    """The operation was reversed before; `existing_id` names the reversal."""

    code = "already_reversed"
    title = "Already reversed"


class AlreadyDelivered(Conflict):
    """The delivery was told before, at another time; `existing_id` names it, `delivered_at` says when it was."""

    code = "already_delivered"
    title = "Delivered before"


class IdempotencyKeyReused(CallerError):
    """The Idempotency-Key came earlier with other content."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"


class SecretShownOnce(Conflict):
    """A replayed request would have to show a secret again."""

    code = "secret_shown_once"
    title = "The secret was shown once and cannot be shown again"
