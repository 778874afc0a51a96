"""How large the embedded chain's file is, and when to move on to a real node (DESIGN §5, §9); for `mereau doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

GIB: Final = 2**30
MOVE_SOON_BYTES: Final = 10 * GIB
"""Some ten million entries. Reads stay fast beyond it, backups and copies don't."""
MOVE_NOW_BYTES: Final = 50 * GIB


@dataclass(frozen=True)
class ChainFile:
    """The file with its write-ahead log, in bytes, and a sentence for the person who runs it."""

    size_bytes: int
    is_advised_to_move: bool
    advice: str


def chain_file_size(path: Path) -> int:
    """Bytes on disk, write-ahead log included; 0 when there is no chain."""
    parts = (path, path.with_name(path.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def chain_file_report(path: Path) -> ChainFile:
    size = chain_file_size(path)
    if size >= MOVE_NOW_BYTES:
        advice = "Move to an EVM node now (docs/adr/0005-embedded-chain.md): this file was made for one machine."
    elif size >= MOVE_SOON_BYTES:
        advice = "Plan the move to an EVM node: the file is never pruned and grows with every entry."
    else:
        advice = (
            f"Fine: the file grows with every entry and is never pruned; think again at {MOVE_SOON_BYTES // GIB} GiB."
        )
    return ChainFile(size, size >= MOVE_SOON_BYTES, advice)
