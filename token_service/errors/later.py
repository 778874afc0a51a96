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
