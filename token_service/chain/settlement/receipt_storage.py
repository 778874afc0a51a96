"""Receipt files: the leaves of a batch and their sealed openings, on disk before the batch is first sent (CONTRACT §2).

The database and the chain can then be lost apart: `repair` rebuilds from the chain and these files.
"""

from __future__ import annotations

import base64
import json
import os
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Row, select

from token_service.chain.services import ChainServices
from token_service.chain.settlement.planning import contract_of
from token_service.errors import DiskFull
from token_service.ledger.batch_leaves import BatchLeaf, ids_of_batch, leaves_of_batch
from token_service.ledger.settlement_tables import batches, leaves
from token_service.ledger.tables import entries, facts, members
from token_service.protocol import receipt_files
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf
from token_service.protocol.receipts import Leaf

_known_folders: set[Path] = set()
"""Folders whose own entry this process has synced."""


def ensure_filed(services: ChainServices, batch_id: int) -> Path:
    """The batch's receipt file, complete and synced. A file that is there is complete: it was moved into place at the end.

    A file of another batch under this number (the database was set back, and planned anew) is kept beside it under its root:
    should that one land after all, this is what describes it. Raises DiskFull.
    """
    with services.store.read() as connection:
        batch = connection.execute(select(batches).where(batches.c.id == batch_id)).one()
        path = services.receipts_dir / receipt_files.relative_path(batch.operator, batch.seq)
        root = _root_in(path)
        if root == batch.receipts_root:
            return path
        content = _content(connection, services, batch)
    services.failpoint("receipts.before_write")
    if root is not None:
        path.replace(path.with_name(f"{path.name}-{root.removeprefix('0x')}"))
    _write_durably(path, receipt_files.file_text(content).encode())
    services.failpoint("receipts.after_write")
    return path


def _root_in(path: Path) -> str | None:
    """The root that the file's header names; None if there is no file, "unreadable" if it is no receipt file. Raises
    DiskFull."""
    try:
        with path.open(encoding="utf-8") as file:
            return str(json.loads(file.readline())["receipts_root"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskFull(f"a receipt file cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        return "unreadable"


def _content(connection: Connection, services: ChainServices, batch: Row[tuple[object, ...]]) -> BatchReceipts:
    filed = leaves_of_batch(connection, batch.id)
    details, salt_keys = _details(connection, batch.id), _salt_keys(connection, batch.id)
    return BatchReceipts(
        chain_id=services.chain_id,
        contract=contract_of(services),
        operator=batch.operator,
        seq=batch.seq,
        ruleset_hash=batch.ruleset_hash,
        receipts_root=batch.receipts_root,
        word_count=batch.word_count,
        leaves=tuple(
            FiledLeaf(
                leaf=_leaf(services, batch, leaf),
                id=leaf.id,
                sealed=_sealed(services, salt_keys[leaf.member_id], leaf.id, details[leaf.id]),
            )
            for leaf in filed
        ),
    )


def _leaf(services: ChainServices, batch: Row[tuple[object, ...]], leaf: BatchLeaf) -> Leaf:
    return Leaf(
        chain_id=services.chain_id,
        contract=contract_of(services),
        operator=batch.operator,
        seq=batch.seq,
        index=leaf.position,
        account=leaf.account,
        kind=leaf.kind,
        party=leaf.party,
        amount=leaf.amount,
        commitment=leaf.commitment,
    )


def _sealed(services: ChainServices, sealed_salt_key: bytes | None, leaf_id: str, detail: str) -> str | None:
    sealed = services.seal_opening(sealed_salt_key, leaf_id, detail.encode())
    return None if sealed is None else base64.b64encode(sealed).decode()


def _details(connection: Connection, batch_id: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in (entries, facts):
        rows = connection.execute(select(table.c.id, table.c.detail).where(table.c.id.in_(ids_of_batch(batch_id))))
        found.update((row.id, row.detail) for row in rows)
    return found


def _salt_keys(connection: Connection, batch_id: int) -> dict[str, bytes | None]:
    whose = select(leaves.c.member_id).where(leaves.c.batch_id == batch_id)
    rows = connection.execute(select(members.c.id, members.c.sealed_salt_key).where(members.c.id.in_(whose)))
    return {row.id: row.sealed_salt_key for row in rows}


def _write_durably(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")  # two workers may write the same file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_directory(path.parent)
        if path.parent not in _known_folders:  # somebody may have made it just now
            _sync_directory(path.parent.parent)
            _known_folders.add(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise DiskFull(f"a receipt file cannot be written: {error.strerror}") from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
