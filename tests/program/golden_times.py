"""Instants and periods as golden cases write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from token_service.program.memberships import Period


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def moment(text: str | None) -> datetime | None:
    return None if text is None else instant(text)


def said(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def period(written: Mapping[str, Any]) -> Period:
    times = {name: moment(written.get(name)) for name in ("starts_at", "ends_at", "keeps_until", "ended_at")}
    return Period(written["membership"], **times)  # type: ignore[arg-type]
