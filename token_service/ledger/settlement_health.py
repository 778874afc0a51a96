"""Whether settlement is well and what a person must do: the facts behind `mereau doctor` and the console's page.

Each reader puts them into words of its own. `Backlog` is counted by whoever plans (chain/settlement/backlog.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from token_service.ledger import settlement_figures, tables
from token_service.ledger.admin_operations import AdminOperation, unfinished
from token_service.ledger.context import Context
from token_service.ledger.point_views import StuckAwards
from token_service.ledger.refused_ceilings import RefusedCeiling, refused_ceilings
from token_service.ledger.settlement_figures import LaneView, Settled
from token_service.ledger.settlement_tables import blocks, cursors, leaves
from token_service.ledger.stuck_awards import stuck_awards


@dataclass(frozen=True, slots=True)
class Backlog:
    """Leaves and operations on their way. `held` leaves wait for a person or a registration, `deferred` ones for their time."""

    waiting: int
    in_flight: int
    deferred: int
    held: int
    admin_operations: int
    unfinished_batches: int

    @property
    def is_settled(self) -> bool:
        """Nothing moves any more, and nothing will by itself. Held leaves do not count: they wait for a person."""
        moving = self.waiting, self.in_flight, self.deferred, self.admin_operations, self.unfinished_batches
        return not any(moving)

    @property
    def moving(self) -> int:
        """Leaves that will be settled without anybody's help."""
        return self.waiting + self.in_flight + self.deferred


@dataclass(frozen=True, slots=True)
class ChainSize:
    """The embedded chain's file in bytes, and whether it has grown enough to plan the move to a node."""

    size_bytes: int
    is_advised_to_move: bool


@dataclass(frozen=True, slots=True)
class Deferred:
    """Leaves that the contract skipped for a reason that may pass (its number); the next try is at `next_at`."""

    reason: int
    count: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """How far the chain was read: the newest block and its time, and the newest that is final. None before the first."""

    head: int | None
    head_at: datetime | None
    final: int | None

    @property
    def lag_blocks(self) -> int:
        """Blocks that are read and not final yet."""
        return (self.head or 0) - (self.final or 0)


@dataclass(frozen=True, slots=True)
class Health:
    """Everything at one moment. `oldest_at`: when the oldest leaf that is not final was recorded."""

    settled: Settled
    backlog: Backlog
    oldest_at: datetime | None
    age: timedelta | None
    is_late: bool  # the oldest has waited longer than promises say
    lanes: tuple[LaneView, ...]
    deferred: tuple[Deferred, ...]
    place: ChainPlace
    orders: tuple[AdminOperation, ...]  # unfinished administrative operations
    refused_ceilings: tuple[RefusedCeiling, ...]
    stuck_awards: tuple[StuckAwards, ...]
    frozen_members: int  # whose entries are held

    @property
    def is_well(self) -> bool:
        """Whether nobody needs to do anything."""
        stands = any(stands_still(lane) for lane in self.lanes)
        return not (self.is_late or stands or self.backlog.held or self.refused_ceilings or self.stuck_awards)


def stands_still(lane: LaneView) -> bool:
    """Whether the lane waits for a person."""
    return lane.state in {"blocked", "halted"}


def settlement_health(context: Context, backlog: Backlog) -> Health:
    """How settlement stands now, given what its planner counts."""
    oldest_at = settlement_figures.unsettled(context.store).oldest_at
    age = None if oldest_at is None else context.now() - oldest_at
    with context.store.read() as connection:
        place, deferred = chain_place(connection), _deferred(connection, context.now())
        frozen = _frozen_members(connection) if backlog.held else 0
    return Health(
        settled=settlement_figures.settled(context.store),
        backlog=backlog,
        oldest_at=oldest_at,
        age=age,
        is_late=age is not None and age > context.settle_within,
        lanes=settlement_figures.lane_views(context.store),
        deferred=deferred,
        place=place,
        orders=tuple(unfinished(context.store)),
        refused_ceilings=refused_ceilings(context.store),
        stuck_awards=stuck_awards(context),
        frozen_members=frozen,
    )


def _deferred(connection: Connection, now: datetime) -> tuple[Deferred, ...]:
    columns = leaves.c
    query = (
        select(columns.skip_reason, func.count(), func.min(columns.not_before))
        .where(columns.state == "accepted", columns.not_before > now, columns.skip_reason.is_not(None))
        .group_by(columns.skip_reason)
        .order_by(columns.skip_reason)
    )
    return tuple(Deferred(*row) for row in connection.execute(query))


def chain_place(connection: Connection) -> ChainPlace:
    """How far the chain was read."""
    columns = cursors.c
    numbers = {row.name: row.number for row in connection.execute(select(columns.name, columns.number))}
    head = numbers.get("indexed")
    seen = select(blocks.c.timestamp).where(blocks.c.number == head, blocks.c.state != "orphaned")
    at = None if head is None else connection.execute(seen).scalar_one_or_none()
    return ChainPlace(head=head, head_at=at, final=numbers.get("final"))


def _frozen_members(connection: Connection) -> int:
    columns, members = leaves.c, tables.members.c
    query = select(func.count(columns.member_id.distinct())).join(tables.members, members.id == columns.member_id)
    return int(connection.execute(query.where(columns.state == "accepted", members.frozen.is_(True))).scalar_one())
