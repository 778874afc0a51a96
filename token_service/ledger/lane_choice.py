"""Which lane a member's entries go through: chosen once, at enrolment, by rendezvous hashing (DESIGN §5).

Each member weighs every lane by a hash of both and takes the heaviest. So members spread evenly, whoever enrols them; a new
lane takes no member away from another, and of a lane that retires each member goes where it would have gone without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select

from token_service.ledger.settlement_tables import lanes

FIRST_LANE: Final = 0
"""Where members go before any lane is open: entries wait there."""


def choose_lane(member_id: str, operators: Mapping[int, str]) -> int:
    """The number of the member's lane, of open ones by number; FIRST_LANE where none is open."""
    return max(operators, key=lambda number: _weight(member_id, operators[number]), default=FIRST_LANE)


def open_lanes(connection: Connection) -> dict[int, str]:
    """Operators by lane, of the lanes that take new members: a lane that stands still does, one that retires does not."""
    columns = lanes.c
    query = select(columns.number, columns.operator).where(columns.is_retiring.is_(False), columns.state != "disabled")
    return {row.number: row.operator for row in connection.execute(query)}


def _weight(member_id: str, operator: str) -> bytes:
    return hashlib.sha256(f"{member_id}\0{operator}".encode()).digest()
