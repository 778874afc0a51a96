"""What the chain says after the ledger ends: every final batch that the ledger does not know, with its receipt file.

A ledger restored from a backup is older than the chain. Nothing is written here; `app/repairing.py` writes what this reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from token_service.chain import contract_reads, reads
from token_service.chain.contract_logs import contract_logs
from token_service.chain.finality_presets import depth_without_tag
from token_service.chain.reads import Block
from token_service.chain.services import ChainServices
from token_service.chain.settlement.finality import newest_final
from token_service.chain.settlement.lanes import Lane, next_nonce, read_lanes
from token_service.chain.settlement.planning import contract_of
from token_service.errors import InvalidInput, NodeUnreachable, TryAgain
from token_service.ledger.gas_spending import to_gwei
from token_service.ledger.repairing.gap import GapBatch
from token_service.ledger.settlement_tables import batches
from token_service.ledger.tables import program
from token_service.protocol import receipt_files
from token_service.protocol.calldata import decode_settle
from token_service.protocol.events import (
    AddendumPublished,
    BatchSettled,
    EntrySkipped,
    Event,
    ReturnedToCustody,
    RulesetPublished,
    SelfCustodyBound,
    decode_log,
)
from token_service.protocol.receipt_files import BatchReceipts
from token_service.protocol.words import EntryWord, unpack

BLOCKS: Final = 500


@dataclass(frozen=True, slots=True)
class Gap:
    """The blocks that the missing batches lie in, and how many each lane's operator has settled on the chain."""

    first: int
    last: int
    settled: dict[str, int]


@dataclass(frozen=True, slots=True)
class Published:
    """A ruleset or addendum of the gap, and the chain's two instants of it."""

    ruleset_hash: str
    effective_at: datetime
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Piece:
    """What some blocks say."""

    published: Sequence[Published]
    batches: Sequence[GapBatch]
    moved: Sequence[tuple[str, str]]  # addresses that points of one person went from and to


def find_gap(services: ChainServices) -> Gap | None:
    """Where to look; None if the ledger knows every batch of its operators.

    Raises TryAgain while anything that is missing is not final yet, NodeUnreachable.
    """
    with services.store.read() as connection:
        known = read_lanes(connection)
        first = _first_block(connection, known)
        used = {lane.operator: lane.next_nonce for lane in known} | {
            services.admin: next_nonce(connection, services.admin, 0)
        }
    contract = contract_of(services)
    head = reads.head(services.node).number
    last = newest_final(services.node, services.depth, head, depth_without_tag(services.chain_id))
    for account, nonce in used.items():
        _check_nothing_waits(services, account, nonce, last)
    settled = {lane.operator: contract_reads.last_seq(services.node, contract, lane.operator) for lane in known}
    behind = [lane for lane in known if settled[lane.operator] >= lane.next_seq]
    if not behind:
        return None
    for lane in behind:
        if contract_reads.last_seq(services.node, contract, lane.operator, hex(last)) != settled[lane.operator]:
            raise TryAgain("the newest batches on the chain may still change: try again when they are final")
    return Gap(first, last, settled)


def _check_nothing_waits(services: ChainServices, account: str, known: int, last: int) -> None:
    """What was sent in the lost time and may still land, or land again, would take numbers that the ledger is about to use.
    Transactions with nonces below `known` are the ledger's own."""
    final, sent = (reads.transaction_count(services.node, account, block) for block in (hex(last), "pending"))
    if sent > max(final, known):
        raise TryAgain(
            f"transactions of {account} that this ledger does not know are not final yet: try again when they are"
        )


def _first_block(connection: Connection, known: Sequence[Lane]) -> int:
    """The block after which something may be missing: of each lane the one of its newest batch, of all the oldest."""
    begun: int = connection.execute(select(program.c.deployed_at_block)).scalar_one()
    query = select(func.max(batches.c.block_number)).where(batches.c.state.in_(("mined", "final")))
    newest = [connection.execute(query.where(batches.c.operator == lane.operator)).scalar_one() for lane in known]
    return min((begun if number is None else number for number in newest), default=begun)


def read_gap(services: ChainServices, gap: Gap) -> Iterator[Piece]:
    """The gap, some blocks at a time, in the chain's order. Raises NodeUnreachable (also for a node that contradicts itself)."""
    for first in range(gap.first, gap.last + 1, BLOCKS):
        numbers = range(first, min(first + BLOCKS, gap.last + 1))
        found = [block for number in numbers if (block := reads.block_by_number(services.node, number)) is not None]
        if len(found) != len(numbers):
            raise NodeUnreachable("the chain node lacks a block", method="eth_getBlockByNumber")
        yield _of_blocks(services, found)


def _of_blocks(services: ChainServices, found: Sequence[Block]) -> Piece:
    by_hash = {block.hash: block for block in found}
    skips: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    settled: list[BatchSettled] = []
    published: list[Published] = []
    moved: list[tuple[str, str]] = []
    for event in _events(services, found):
        if isinstance(event, EntrySkipped):
            skips[event.operator, event.seq][event.index] = event.reason
        elif isinstance(event, BatchSettled):
            settled.append(event)
        elif isinstance(event, RulesetPublished | AddendumPublished):
            published_at = by_hash[event.position.block_hash].timestamp
            published.append(Published(event.ruleset_hash, _time(event.effective_at), _time(published_at)))
        elif isinstance(event, SelfCustodyBound | ReturnedToCustody):
            moved.append((event.from_address, event.to_address))
    missing = (event for event in settled if not _is_known(services, event))
    return Piece(
        published,
        [
            _batch(services, event, by_hash[event.position.block_hash], skips[event.operator, event.seq])
            for event in missing
        ],
        moved,
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _events(services: ChainServices, found: Sequence[Block]) -> list[Event]:
    try:
        decoded = [decode_log(log) for log in contract_logs(services.node, contract_of(services), found)]
    except InvalidInput as error:
        raise NodeUnreachable("the chain node answers malformed logs", method="eth_getLogs") from error
    return [event for event in decoded if event is not None]


def _is_known(services: ChainServices, event: BatchSettled) -> bool:
    columns = batches.c
    query = select(columns.id).where(
        columns.operator == event.operator, columns.seq == event.seq, columns.receipts_root == event.receipts_root
    )
    with services.store.read() as connection:
        return connection.execute(query).first() is not None


def _batch(services: ChainServices, event: BatchSettled, block: Block, skipped: dict[int, int]) -> GapBatch:
    hash_ = event.position.transaction_hash
    sent, receipt = reads.transaction_of(services.node, hash_), reads.receipt(services.node, hash_)
    call = decode_settle(sent.data)
    if receipt is None or call is None or sent.to is None:
        raise NodeUnreachable("the chain node does not have a batch's transaction", method="eth_getTransactionByHash")
    words = tuple(unpack(word) for word in call.words)
    return GapBatch(
        operator=event.operator,
        seq=event.seq,
        ruleset_hash=event.ruleset_hash,
        receipts_root=event.receipts_root,
        minted=event.minted,
        burned=event.burned,
        block_number=block.number,
        block_hash=block.hash,
        block_time=_time(block.timestamp),
        transaction_hash=hash_,
        nonce=sent.nonce,
        to=sent.to,
        data=sent.data,
        gas=sent.gas,
        gas_used=receipt.gas_used,
        fee_gwei=None if receipt.cost_wei is None else to_gwei(receipt.cost_wei),
        words=words,
        skipped=skipped,
        receipts=_receipts(services, event, words),
    )


def _receipts(services: ChainServices, event: BatchSettled, words: Sequence[EntryWord]) -> BatchReceipts | None:
    """The batch's own receipt file; None if there is none that hashes to its root and says what its words say."""
    path = services.receipts_dir / receipt_files.relative_path(event.operator, event.seq)
    for each in (path, path.with_name(f"{path.name}-{event.receipts_root.removeprefix('0x')}")):
        found = _read(each)
        if found is not None and _is_of(found, event, words):
            return found
    return None


def _read(path: Path) -> BatchReceipts | None:
    try:
        return receipt_files.parse(path.read_text(encoding="utf-8"))
    except (OSError, InvalidInput, UnicodeDecodeError):
        return None


def _is_of(found: BatchReceipts, event: BatchSettled, words: Sequence[EntryWord]) -> bool:
    leaves = [filed.leaf for filed in found.leaves]
    if [leaf.index for leaf in leaves] != list(range(len(leaves))) or found.word_count != len(words):
        return False
    said = [EntryWord(leaf.account, leaf.kind, leaf.party, leaf.amount) for leaf in leaves[: len(words)]]
    return said == list(words) and receipt_files.computed_root(found.leaves) == event.receipts_root
