"""`mereau repair`: a ledger that was restored from a backup learns from the chain and the receipt files what came after it.

Batch by batch, each one transaction, so it may be cut off anywhere and run again. What does not open keeps its points, is listed,
and leaves references unknown until a person decides (ledger/unknown_references.py). Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from token_service.chain import contract_reads, reads
from token_service.chain.gap_reading import Piece, Published, find_gap, read_gap
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Code
from token_service.chain.settlement.planning import contract_of
from token_service.errors import InvalidInput, InvariantBroken
from token_service.ledger import leaving, tables, unknown_references
from token_service.ledger.campaign_uses import rebuild_budgets
from token_service.ledger.cause_tables import causes
from token_service.ledger.context import Actor
from token_service.ledger.members import freeze
from token_service.ledger.repair_tables import repairs, unopened_leaves
from token_service.ledger.repairing.gap import REASONS, ClosedLeaf, GapBatch, OpenedLeaf
from token_service.ledger.repairing.judging import Judge
from token_service.ledger.repairing.merging_again import finish_merges
from token_service.ledger.repairing.standing_in import NO_CONTENT
from token_service.ledger.repairing.writing import Written, write_batch
from token_service.ledger.rulesets import accept_published
from token_service.ledger.settlement_tables import batches, lanes
from token_service.ledger.transaction import write

Told = Callable[[GapBatch, Written], None]
FOUND_AGAIN: Final = "a merchant of the time after the backup, party {party}"
ON_THEIR_WAY: Final = (
    "the points were on their way to another wallet when a backup was restored: look where they are, a day later"
)
PERIOD_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Unopened:
    """A leaf whose detail nobody here can read. `points` is 0 for a fact."""

    operator: str
    seq: int
    position: int
    account: str
    member_id: str | None
    kind: int
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a repair did, or would do. `unknown_merchants` are those whose references of the gap nobody knows, "*" for all."""

    batches: int
    opened: int
    unopened: list[Unopened]
    unknown_merchants: list[str]


NOTHING: Final = Report(0, 0, [], [])


def plan(services: ChainServices) -> Report:
    """What `repair` would do; nothing is written. Raises as it does."""
    gap = find_gap(services)
    if gap is None:
        return NOTHING
    judge, count, opened = Judge(services.context), 0, 0
    unopened: list[Unopened] = []
    for piece in read_gap(services, gap):
        judge.learn(piece.moved)
        for batch in piece.batches:
            with services.store.read() as connection:
                judged = judge.judged(connection, batch)
            count += 1
            opened += sum(isinstance(leaf, OpenedLeaf) for leaf in judged)
            unopened += [_unopened(batch, leaf) for leaf in judged if isinstance(leaf, ClosedLeaf)]
    with services.store.read() as connection:
        return Report(count, opened, unopened, _unknown(connection, unopened))


def repair(services: ChainServices, told: Told) -> Report:
    """Writes what is missing, then lets the lanes go on.

    Raises InvalidInput for a ruleset that the ledger lacks, LedgerWentOn, TryAgain while the newest batches are not final,
    NodeUnreachable.
    """
    gap = find_gap(services)
    unfinished = _unfinished(services)
    if gap is None and unfinished is None:
        _give_out_no_nonce_twice(services)
        return NOTHING
    number = unfinished or services.store.transact(lambda connection: _begin(connection, services))
    if gap is not None:
        judge = Judge(services.context)
        for piece in read_gap(services, gap):
            _write_piece(services, judge, number, piece, told)
    _freeze_the_nameless(services)
    _stop_those_on_their_way(services)
    finish_merges(services.context)
    write(services.context, rebuild_budgets)
    _give_out_no_nonce_twice(services)
    services.store.transact(lambda connection: _finish(connection, services, number))
    return _report(services, number)


def _unfinished(services: ChainServices) -> int | None:
    query = select(func.max(repairs.c.seq)).where(repairs.c.finished_at.is_(None))
    with services.store.read() as connection:
        found: int | None = connection.execute(query).scalar_one()
    return found


def _begin(connection: Connection, services: ChainServices) -> int:
    values = {"begun_at": services.now(), "unknown_merchants": [unknown_references.ALL]}
    key = connection.execute(insert(repairs).values(**values)).inserted_primary_key
    unknown_references.settle(connection)
    if key is None:
        raise InvariantBroken("the database did not say which row it inserted")
    return int(key[0])


def _write_piece(services: ChainServices, judge: Judge, number: int, piece: Piece, told: Told) -> None:
    for published in piece.published:
        services.store.transact(lambda connection: _accept(connection, published))  # noqa: B023
    judge.learn(piece.moved)
    for batch in piece.batches:
        _need_ruleset(services, batch)
        _find_merchants_again(services, batch)
        lane = _lane_of(services, batch)
        told(
            batch,
            write(
                services.context,
                lambda tx: write_batch(tx, number, batch, judge.judged(tx.connection, batch), lane),  # noqa: B023
            ),
        )


def _accept(connection: Connection, one: Published) -> None:
    accept_published(connection, one.ruleset_hash, effective_at=one.effective_at, published_at=one.published_at)


def _need_ruleset(services: ChainServices, batch: GapBatch) -> None:
    query = select(tables.rulesets.c.hash).where(tables.rulesets.c.hash == batch.ruleset_hash)
    with services.store.read() as connection:
        if connection.execute(query).first() is None:
            raise InvalidInput(
                f"batch {batch.seq} was settled under the ruleset {batch.ruleset_hash}, which this ledger does not have: keep "
                "its document with `mereau ruleset draft FILE`, then run this again"
            )


def _find_merchants_again(services: ChainServices, batch: GapBatch) -> None:
    """A merchant that the chain knows and the ledger does not keeps its number: it must not be given to another."""
    parties = {word.party for word in batch.words}
    with services.store.read() as connection:
        known = set(connection.execute(select(tables.merchants.c.party)).scalars())
        known |= set(connection.execute(select(causes.c.party)).scalars())
        newest = max(known)
    for party in range(newest + 1, max(parties, default=0) + 1):
        state = contract_reads.party(services.node, contract_of(services), party)
        row = {
            "id": services.context.new_id("mrc"),
            "party": party,
            "name": FOUND_AGAIN.format(party=party),
            "ceiling_points": state.ceiling,
            "ceiling_period_seconds": state.period or PERIOD_SECONDS,
            "created_at": batch.block_time,
        }
        services.store.transact(lambda connection: connection.execute(insert(tables.merchants).values(**row)))  # noqa: B023


def _lane_of(services: ChainServices, batch: GapBatch) -> int:
    """The lane of the batch's operator; an operator that was added after the backup gets one, which stands still."""
    with services.store.read() as connection:
        lane = lane_rows.lane_of(connection, batch.operator)
    if lane is not None:
        return lane.number

    def opened(connection: Connection) -> int:
        number = lane_rows.open_lane(connection, operator=batch.operator, next_nonce=batch.nonce, next_seq=batch.seq)
        lane_rows.halt(connection, number, Code.CHAIN_AHEAD, "added after the backup that was restored")
        return number

    return services.store.transact(opened)


def _freeze_the_nameless(services: ChainServices) -> None:
    """Members who only stand for an address: nobody knows who they are, so nothing new happens to them."""
    members = tables.members.c
    query = select(members.id).where(members.content_hash == NO_CONTENT, members.frozen.is_(False))
    with services.store.read() as connection:
        ids = connection.execute(query).scalars().all()
    for member_id in ids:
        freeze(services.context, Actor.admin("repair"), member_id, "enrolled after the backup that was restored")


def _stop_those_on_their_way(services: ChainServices) -> None:
    """Who was leaving or coming back stays where they are, frozen: the signed order may still land for a day."""
    with services.store.read() as connection:
        ids = leaving.without_mandate(connection)
    for member_id in ids:
        write(services.context, lambda tx: leaving.stay_without_mandate(tx, tx.account(member_id)))  # noqa: B023
        freeze(services.context, Actor.admin("repair"), member_id, ON_THEIR_WAY)


def _give_out_no_nonce_twice(services: ChainServices) -> None:
    """Nonces go on after the chain's: a batch that the ledger knows may have failed in the lost time, and landed with another.
    They only go up: a worker that should not run may just have given one out.
    """
    with services.store.read() as connection:
        operators = {lane.number: lane.operator for lane in lane_rows.read_lanes(connection)}
    counts = {number: reads.transaction_count(services.node, operator) for number, operator in operators.items()}

    def raise_them(connection: Connection) -> None:
        for number, operator in operators.items():
            nonce = lane_rows.next_nonce(connection, operator, counts[number])
            lower = (lanes.c.number == number) & (lanes.c.next_nonce < nonce)
            connection.execute(update(lanes).where(lower).values(next_nonce=nonce))

    services.store.transact(raise_them)


def _finish(connection: Connection, services: ChainServices, number: int) -> None:
    for lane in lane_rows.read_lanes(connection):
        _go_on(connection, services, lane)
    merchants = _unknown(connection, _unopened_of(connection, number))
    values = {"finished_at": services.now(), "unknown_merchants": merchants}
    connection.execute(update(repairs).where(repairs.c.seq == number).values(**values))
    unknown_references.settle(connection)


def _go_on(connection: Connection, services: ChainServices, lane: lane_rows.Lane) -> None:
    """Numbers go on after the chain's; a lane that stood still for this reason is active."""
    newest = select(func.max(batches.c.seq)).where(batches.c.operator == lane.operator)
    seq = connection.execute(newest).scalar_one() or 0
    mine = update(lanes).where(lanes.c.number == lane.number)
    connection.execute(mine.values(next_seq=max(lane.next_seq, seq + 1)))
    stood = (lanes.c.number == lane.number) & (lanes.c.state == "halted") & (lanes.c.reason_code == Code.CHAIN_AHEAD)
    active = {"state": "active", "reason_code": None, "reason": None}
    decided = {"cleared_at": services.now(), "cleared_because": "mereau repair"}
    connection.execute(update(lanes).where(stood).values(**active, **decided))


def accept(services: ChainServices, because: str) -> int:
    """How many repairs a person has decided about: references of their gaps may be used from now on."""

    def decided(connection: Connection) -> int:
        open_ = (repairs.c.finished_at.is_not(None)) & (repairs.c.accepted_at.is_(None))
        ids = connection.execute(select(repairs.c.seq, repairs.c.unknown_merchants).where(open_)).all()
        values = {"accepted_at": services.now(), "accepted_because": because}
        connection.execute(update(repairs).where(open_).values(**values))
        unknown_references.settle(connection)
        return sum(bool(row.unknown_merchants) for row in ids)

    return services.store.transact(decided)


def _report(services: ChainServices, number: int) -> Report:
    with services.store.read() as connection:
        row = connection.execute(select(repairs).where(repairs.c.seq == number)).one()
        unopened = _unopened_of(connection, number)
    return Report(row.batch_count, row.opened_count, unopened, list(row.unknown_merchants))


def _unopened_of(connection: Connection, number: int) -> list[Unopened]:
    query = (
        select(batches.c.operator, batches.c.seq, unopened_leaves)
        .join(batches, batches.c.id == unopened_leaves.c.batch_id)
        .where(batches.c.repair == number)
        .order_by(batches.c.id, unopened_leaves.c.position)
    )
    return [
        Unopened(row.operator, row.seq, row.position, row.account, row.member_id, row.kind, row.amount, row.reason)
        for row in connection.execute(query)
    ]


def _unopened(batch: GapBatch, leaf: ClosedLeaf) -> Unopened:
    place = leaf.place
    return Unopened(
        batch.operator,
        batch.seq,
        place.position,
        place.account,
        leaf.member_id,
        place.kind,
        place.amount,
        leaf.reason,
    )


def _unknown(connection: Connection, unopened: list[Unopened]) -> list[str]:
    """Whose references may stand behind what does not open. Everybody's: a fact names no merchant where one can read it, and of a
    batch without its file nobody knows the facts."""
    return [unknown_references.ALL] if unopened else []


def in_words(reason: str) -> str:
    """Why a leaf does not open."""
    return REASONS[reason]
