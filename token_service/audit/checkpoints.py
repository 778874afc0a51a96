"""Checkpoints: what an auditor keeps of an audit, so that the next one goes on from there and a rebuilt chain shows.

A checkpoint names block, hash, sequences and totals for people, and carries the replayed state for machines. Whoever
keeps one is a witness: a chain that was rebuilt later cannot contain its block.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from token_service.audit.accounts.storage import digest
from token_service.audit.pinning import block_hash
from token_service.audit.report import Finding, Findings, PinnedBlock
from token_service.audit.rpc import Rpc
from token_service.audit.state import State
from token_service.errors import BadSettings, InvalidInput

VERSION: Final = 3
"""Of what accounts keep. A checkpoint of an older one still witnesses its block; its accounts lack what is asked of them now."""
PUBLIC_CHAINS: Final = frozenset({1, 10, 56, 100, 137, 324, 480, 1101, 5000, 8453, 42161, 42220, 43114, 59144, 534352})
"""Chain ids of large public networks. A node can lie about its chain id: an auditor brings a node of their own."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An audit up to and including `block`. `has_receipts` says whether leaves were checked on the way, `accounts_sha256` that
    accounts were replayed: their state is in a file beside it, with this hash.
    """

    object: str
    v: int
    chain_id: int
    contract: str
    block: PinnedBlock
    is_complete: bool
    has_receipts: bool
    sequences: dict[str, int]
    totals: dict[str, int]
    findings: Findings
    state: State
    accounts_sha256: str | None = None


def make(
    *, chain_id: int, contract: str, block: PinnedBlock, is_complete: bool, has_receipts: bool, state: State,
    findings: Findings, accounts_sha256: str | None = None,
) -> Checkpoint:  # fmt: skip
    """A checkpoint of a replay that has come to `block`."""
    return Checkpoint(
        object="mereau_audit_checkpoint",
        v=VERSION,
        chain_id=chain_id,
        contract=contract,
        block=block,
        is_complete=is_complete,
        has_receipts=has_receipts,
        sequences={operator: lane.seq for operator, lane in state.lanes.items()},
        totals=dict(state.totals),
        findings=findings,
        state=state,
        accounts_sha256=accounts_sha256,
    )


def accounts_path(path: Path, block: PinnedBlock) -> Path:
    """The file of accounts that belongs to a checkpoint of this block."""
    return path.with_name(f"{path.name}.{block.number}.accounts")


def kept_accounts(path: Path, checkpoint: Checkpoint) -> Path | None:
    """The checkpoint's file of accounts; None when there is none, or it was changed or is of an older version."""
    accounts = accounts_path(path, checkpoint.block)
    if checkpoint.v != VERSION:
        return None
    try:
        is_right = checkpoint.accounts_sha256 is not None and digest(accounts) == checkpoint.accounts_sha256
    except OSError:
        return None
    return accounts if is_right else None


def forget_older_accounts(path: Path, block: PinnedBlock) -> None:
    """Removes what an earlier checkpoint under this name kept: this one has taken its place."""
    for older in path.parent.glob(f"{glob.escape(path.name)}.*.accounts"):
        if older != accounts_path(path, block):
            older.unlink(missing_ok=True)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file whole or not at all. Raises BadSettings when it cannot be written."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(_adapter().dump_json(checkpoint, indent=1) + b"\n")
        beside.replace(path)
    except OSError as error:
        raise BadSettings("the checkpoint file cannot be written") from error


def read(path: Path) -> Checkpoint:
    """A checkpoint that `write` wrote. Raises InvalidInput for anything else."""
    try:
        checkpoint = _adapter().validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InvalidInput(f"{path.name} is no checkpoint of an audit") from error
    if not 1 <= checkpoint.v <= VERSION:
        raise InvalidInput(f"{path.name} is a checkpoint of another version")
    return checkpoint


def check_contained(
    rpc: Rpc, checkpoint: Checkpoint, findings: Findings, *, chain_id: int, contract: str, block: PinnedBlock
) -> None:
    """Notes where the chain is not the one that the checkpoint was taken of."""
    kept = checkpoint.block
    for name, expected, found in (
        ("chain id", checkpoint.chain_id, chain_id),
        ("contract", checkpoint.contract, contract),
    ):
        if expected != found:
            detail = f"the checkpoint is of another {name}"
            findings.add(Finding("checkpoint", detail, expected=str(expected), found=str(found)))
            return
    hash_ = block_hash(rpc, kept.number) if kept.number <= block.number else None
    if hash_ != kept.hash:
        detail = "the chain does not contain the checkpoint's block: it was rebuilt, or is another one"
        found = hash_ or f"a chain that ends at {block.number}"
        findings.add(Finding("checkpoint", detail, expected=kept.hash, found=found, block=kept.number))


def witnesses(chain_id: int, held: int) -> str:
    """Who could tell if the chain had been rebuilt: `nobody`, `N checkpoints`, or `public chain`."""
    if chain_id in PUBLIC_CHAINS:
        return "public chain"
    if held == 0:
        return "nobody"
    return f"{held} checkpoint{'s' if held > 1 else ''}"


def _adapter() -> TypeAdapter[Checkpoint]:
    return TypeAdapter(Checkpoint)
