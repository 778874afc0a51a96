"""Plan: accepted leaves become one batch with its nonce, its sequence and its signed bytes, in one database transaction.

Reading, hashing and signing come before that transaction, so that a writer waits for milliseconds only; it then checks that
the lane and the leaves are still as they were read, and otherwise nothing has happened (DESIGN §5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    union,
    update,
)

from token_service.chain import fees, reads
from token_service.chain.fees import Fees
from token_service.chain.reads import Block
from token_service.chain.services import ChainServices
from token_service.chain.settlement import lanes as lane_rows
from token_service.chain.settlement.lanes import Lane
from token_service.chain.settlement.ordering import arrange
from token_service.chain.settlement.records import Signed, inserted_id, store_signed, unsigned
from token_service.chain.settlement.spending import affordable, commit_spending
from token_service.errors import NotInitialised
from token_service.ledger.lane_choice import FIRST_LANE
from token_service.ledger.moving_on import is_any_under_way, waits_for_what_goes_out
from token_service.ledger.own_wallets import UNDER_WAY, waits_for_the_move
from token_service.ledger.settlement_tables import admin_operations, batches, lanes, leaves
from token_service.ledger.tables import members, program, rulesets
from token_service.ledger.wallet_tables import mandates
from token_service.program.ruleset_lines import Published, in_force
from token_service.protocol.calldata import encode_settle
from token_service.protocol.hashing import to_hex
from token_service.protocol.receipts import Leaf, receipts_tree
from token_service.protocol.words import EntryWord
from token_service.units import EntryKind

TAKE: Final = (
    update(leaves)
    .where(
        leaves.c.seq == bindparam("leaf"),
        leaves.c.lane == bindparam("in_lane"),
        leaves.c.state == literal_column("'accepted'"),
    )
    .values(
        state=literal_column("'batched'"),
        batch_id=bindparam("batch"),
        position=bindparam("place"),
        skip_reason=null(),
        not_before=null(),
    )
)
"""What is the same for all leaves stands in the text: binding it for each would keep writers waiting twice as long."""
TAKE_AT_ONCE: Final = text(
    "update leaves set state = 'batched', batch_id = :batch, position = places.place, skip_reason = null, not_before = null"
    " from unnest(cast(:seqs as bigint[]), cast(:places as integer[])) as places (seq, place)"
    " where leaves.seq = places.seq and leaves.lane = :in_lane and leaves.state = 'accepted'"
)
"""The same on PostgreSQL, in one statement: a third of the time."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An accepted leaf, as planning needs it."""

    seq: int
    id: str
    member_id: str
    account: str
    kind: int
    party: int
    amount: int
    commitment: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A batch that is signed but not stored yet."""

    lane: Lane
    ruleset_hash: str
    root: str
    word_count: int
    leaves: Sequence[Waiting]
    signed: Signed


class _Changed(Exception):
    """Somebody was faster: the draft does not fit the tables any more."""


def plan(services: ChainServices, number: int = FIRST_LANE, *, flush: bool) -> int | None:
    """The id of the lane's new batch, or None if there is nothing to plan now.

    Without `flush` a batch is only made when `batch_entries` leaves wait. Raises NodeUnreachable, PolicyRefused, DatabaseBusy.
    """
    limits = services.limits
    with services.store.read() as connection:
        lane = lane_rows.read_lane(connection, number)
        if lane.state != "active" or _is_held_up(connection, lane, limits.in_flight_max):
            return None
        waiting = _waiting(connection, services.now(), number, limits.batch_entries_max)
    if not waiting or (len(waiting) < limits.batch_entries and not flush):
        return None
    head = reads.head(services.node)
    with services.store.ask() as connection:
        ruleset_hash = _ruleset_in_force(connection, head)
    if ruleset_hash is None:
        return None
    chosen = _within_budget(waiting, fees.words_max(head.gas_limit, limits.batch_entries_max))
    offered = affordable(services, lane, head, fees.settle_gas(_words(chosen)))
    if offered is None:
        return None
    draft = _draft(services, lane, ruleset_hash, offered, chosen)
    most = draft.signed.transaction.most_wei
    try:
        return commit_spending(
            services, "plan", lane, most, lambda connection: _store(connection, draft, services.now())
        )
    except _Changed:
        return None


def waiting_count(connection: Connection, now: datetime, limit: int, number: int | None = None) -> int:
    """How many leaves could be planned now in the lane (None: in all), counted up to the limit."""
    waiting = _query(connection, now, number).limit(limit).subquery()
    return int(connection.execute(select(func.count()).select_from(waiting)).scalar_one())


def _is_held_up(connection: Connection, lane: Lane, in_flight_max: int) -> bool:
    """True while the contract is paused, a batch waits to be sent anew, or enough is on its way."""
    if connection.execute(select(program.c.paused)).scalar_one_or_none():
        return True
    reverted = select(batches.c.id).where(batches.c.operator == lane.operator, batches.c.state == "reverted").limit(1)
    if connection.execute(reverted).first() is not None:
        return True
    return lane_rows.in_flight(connection, lane.operator) >= in_flight_max


def _waiting(connection: Connection, now: datetime, number: int, limit: int) -> list[Waiting]:
    return [Waiting(*row) for row in connection.execute(_query(connection, now, number).limit(limit))]


def _query(connection: Connection, now: datetime, number: int | None) -> Select[int, str, str, str, int, int, int, str]:
    """Accepted leaves in recorded order, without those of members who must wait. A frozen member's facts do not wait: they move
    no points, and an auditor should see that the member is frozen.
    """
    columns = leaves.c
    return (
        select(
            columns.seq,
            columns.id,
            columns.member_id,
            columns.account,
            columns.kind,
            columns.party,
            columns.amount,
            columns.commitment,
        )
        .join(members, members.c.id == columns.member_id)
        .where(columns.state == "accepted", true() if number is None else columns.lane == number)
        .where(or_(~members.c.frozen, columns.kind == int(EntryKind.FACT)))
        .where(columns.member_id.not_in(_members_who_wait(connection, now)), _is_free(connection))
        .order_by(columns.seq)
    )


def _members_who_wait(connection: Connection, now: datetime) -> Select[str]:
    """Members with a skip that is not decided, with a deferred leaf whose time has not come, or with an entry of a party that
    the contract does not know yet: their later leaves wait too, because each member's order holds.
    """
    columns = leaves.c
    waits = [
        select(columns.member_id).where(columns.state == "mined", columns.skip_reason.is_not(None)),
        select(columns.member_id).where(columns.state == "accepted", columns.not_before > now),
    ]
    parties = _parties_under_way(connection)
    if parties:  # rare, and dear: it looks at every accepted leaf
        waits.append(select(columns.member_id).where(columns.state == "accepted", columns.party.in_(parties)))
    everyone = union(*waits).subquery()
    return select(everyone.c.member_id)


def _is_free(connection: Connection) -> ColumnElement[bool]:
    """Not behind a leave or return of its member that has not ended: its address is known only then. Nor behind points that come
    from another account and have not gone out of it. Both are rare.
    """
    free: list[ColumnElement[bool]] = [true()]
    under_way = select(mandates.c.id).where(mandates.c.state.in_(UNDER_WAY), mandates.c.after_seq.is_not(None)).limit(1)
    if connection.execute(under_way).first() is not None:
        free.append(~waits_for_the_move(leaves.c.member_id, leaves.c.seq))
    if is_any_under_way(connection):
        free.append(~waits_for_what_goes_out(leaves.c.member_id, leaves.c.seq))
    return and_(*free)


def _parties_under_way(connection: Connection) -> list[int]:
    """Parties whose registration is ordered and not final."""
    columns = admin_operations.c
    query = select(columns.arguments).where(columns.kind == "register_party", columns.state.in_(("accepted", "sent")))
    return [int(arguments["party"]) for arguments in connection.execute(query).scalars()]


def _ruleset_in_force(connection: Connection, head: Block) -> str | None:
    """The published ruleset in force by the chain's clock, with its addenda."""
    columns = rulesets.c
    query = select(columns.hash, columns.effective_at, columns.base_hash).where(columns.state == "published")
    published = [Published(*row) for row in connection.execute(query)]
    return in_force(published, datetime.fromtimestamp(head.timestamp, UTC))


def _draft(services: ChainServices, lane: Lane, ruleset_hash: str, offered: Fees, chosen: Sequence[Waiting]) -> Draft:
    arranged = arrange(chosen)
    words = [EntryWord(w.account, w.kind, w.party, w.amount) for w in arranged if w.kind != EntryKind.FACT]
    tree = receipts_tree(
        [receipt_leaf(services, lane.operator, lane.next_seq, index, leaf) for index, leaf in enumerate(arranged)]
    )
    root = to_hex(tree.root)
    transaction = unsigned(
        chain_id=services.chain_id,
        nonce=lane.next_nonce,
        fees=offered,
        gas=fees.settle_gas(len(words)),
        to=contract_of(services),
        data=encode_settle(lane.next_seq, ruleset_hash, root, words),
    )
    raw = services.signer().sign_transaction(lane.operator, transaction)
    return Draft(lane, ruleset_hash, root, len(words), arranged, Signed(lane.operator, transaction, raw))


def receipt_leaf(services: ChainServices, operator: str, seq: int, index: int, leaf: Waiting) -> Leaf:
    """The leaf at its place in the batch's tree (CONTRACT §2)."""
    return Leaf(
        chain_id=services.chain_id,
        contract=contract_of(services),
        operator=operator,
        seq=seq,
        index=index,
        account=leaf.account,
        kind=leaf.kind,
        party=leaf.party,
        amount=leaf.amount,
        commitment=leaf.commitment,
    )


def contract_of(services: ChainServices) -> str:
    """The contract's address. Raises NotInitialised before it is deployed."""
    if services.contract is None:
        raise NotInitialised("the contract is not deployed yet: run `mereau deploy`")
    return services.contract


def _words(chosen: Sequence[Waiting]) -> int:
    return sum(leaf.kind != EntryKind.FACT for leaf in chosen)


def _within_budget(waiting: Sequence[Waiting], words_max: int) -> Sequence[Waiting]:
    """The longest start that has at most `words_max` words."""
    words = 0
    for index, leaf in enumerate(waiting):
        words += leaf.kind != EntryKind.FACT
        if words > words_max:
            return waiting[:index]
    return waiting


def _store(connection: Connection, draft: Draft, now: datetime) -> int:
    if lane_rows.lock_lane(connection, draft.lane.number) != draft.lane:
        raise _Changed
    batch = connection.execute(
        insert(batches).values(
            operator=draft.lane.operator,
            seq=draft.lane.next_seq,
            ruleset_hash=draft.ruleset_hash,
            receipts_root=draft.root,
            word_count=draft.word_count,
            leaf_count=len(draft.leaves),
            state="planned",
            created_at=now,
        )
    )
    batch_id = inserted_id(batch)
    store_signed(connection, draft.signed, purpose="batch", batch_id=batch_id)
    _take(connection, batch_id, draft)
    counters = {"next_nonce": draft.lane.next_nonce + 1, "next_seq": draft.lane.next_seq + 1}
    connection.execute(update(lanes).where(lanes.c.number == draft.lane.number).values(**counters))
    return batch_id


def _take(connection: Connection, batch_id: int, draft: Draft) -> None:
    """The leaves go to their places. Raises _Changed unless every one was still waiting, in this lane."""
    arranged, taken = draft.leaves, {"batch": batch_id, "in_lane": draft.lane.number}
    if connection.dialect.name == "postgresql":
        seqs = [leaf.seq for leaf in arranged]
        connection.execute(TAKE_AT_ONCE, {"seqs": seqs, "places": list(range(len(seqs))), **taken})
    else:
        places = [{"leaf": leaf.seq, "place": position, **taken} for position, leaf in enumerate(arranged)]
        connection.execute(TAKE, places)
    found = connection.execute(select(func.count()).select_from(leaves).where(leaves.c.batch_id == batch_id))
    if found.scalar_one() != len(arranged):
        raise _Changed
