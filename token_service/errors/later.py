"""Later: the same request may succeed without a change."""

from __future__ import annotations

from token_service.errors.root import MereauError


class TryAgain(MereauError):
    """Nothing was changed; the same request may succeed after `retry_after_seconds`."""

    code = "try_again"
    title = "Try again"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1, **facts: object) -> None:
        super().__init__(detail, places=(), **facts)
        self.retry_after_seconds = retry_after_seconds


class BacklogFull(TryAgain):
    """Too much waits for settlement."""

    code = "backlog_full"
    title = "Too much is waiting for settlement"


class ReferencesUnknown(TryAgain):
    """An old ledger was restored, and this reference may have been used after it was copied: a person must decide first."""

    code = "references_unknown"
    title = "References are not known for now"


class DatabaseBusy(TryAgain):
    """The database is locked or unreachable."""

    code = "database_busy"
    title = "The database is busy"


class NodeUnreachable(TryAgain):
    """No chain node answered, or it answered nonsense."""

    code = "node_unreachable"
    title = "The chain node does not answer"


class TooManyRequests(TryAgain):
    """The key's rate limit, or too many wrong codes."""

    code = "too_many_requests"
    title = "Too many requests"


class SignerUnavailable(TryAgain):
    """The signer, or what holds its key, does not answer; nothing was signed."""

    code = "signer_unavailable"
    title = "The signer does not answer"


class SignatureRejected(SignerUnavailable):
    """The signer answered with a signature that is not the asked key's over what was asked; it was thrown away."""

    code = "signature_rejected"
    title = "The signer's signature is wrong"


class SignerLimitReached(SignerUnavailable):
    """The signer has signed as much as it may for now; facts: `limit`."""

    code = "signer_limit"
    title = "The signer's limit is reached"
