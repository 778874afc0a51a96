"""What one look at the chain says about one batch and one account: the question, the answer, and how a receipt agrees with it.

Pure: whoever asks a node (chain/looking.py) hands over raw JSON-RPC values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from token_service.errors import InvalidInput
from token_service.protocol import calldata, events
from token_service.protocol.words import EntryWord, unpack


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which batch, in which transaction, and whose points as of which block (None: the newest one)."""

    contract: str
    operator: str
    seq: int
    transaction_hash: str
    account: str
    at_block: int | None


@dataclass(frozen=True, slots=True)
class SettledBatch:
    """A batch as its transaction tells it; `skipped` has the contract's reason by index."""

    receipts_root: str
    words: tuple[EntryWord, ...]
    skipped: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the chain said just now. None: it was asked and did not answer.

    `is_mined`: the transaction stands in a canonical block, `block_number`. `batch` is None, too, where that transaction settled
    no such batch. Up to `final_block` nothing changes any more. `points` is `balanceOf` at the wanted block.
    """

    chain_id: int | None = None
    is_mined: bool | None = None
    block_number: int | None = None
    batch: SettledBatch | None = None
    head: int | None = None
    final_block: int | None = None
    points: int | None = None


def batch_of_transaction(
    wanted: Wanted, *, to: str | None, data: bytes, logs: Iterable[Mapping[str, Any]]
) -> SettledBatch | None:
    """The wanted batch, out of a transaction's input and logs; None if they hold no such one."""
    if to is None or to.lower() != wanted.contract.lower():
        return None
    own = [log for log in logs if str(log.get("address")).lower() == wanted.contract.lower()]
    try:
        said = [event for log in own if (event := events.decode_log(log)) is not None]
        call = calldata.decode_settle(data)
    except InvalidInput:
        return None
    named = (wanted.operator, wanted.seq)
    settled = [one for one in said if isinstance(one, events.BatchSettled) and (one.operator, one.seq) == named]
    if len(settled) != 1 or call is None:
        return None
    skips = [one for one in said if isinstance(one, events.EntrySkipped) and (one.operator, one.seq) == named]
    return SettledBatch(
        receipts_root=settled[0].receipts_root,
        words=tuple(unpack(word) for word in call.words),
        skipped={skip.index: skip.reason for skip in skips},
    )
