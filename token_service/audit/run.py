"""A whole audit: pins a block, replays the contract's history up to it, compares, and reports (CONTRACT §3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from token_service.audit import bytecode, checkpoints, closing, documents, pinning
from token_service.audit.checkpoints import Checkpoint
from token_service.audit.leaves import LeafCheck
from token_service.audit.openings import ASKED, OpeningCheck, opening_source
from token_service.audit.replay import Terms, replay
from token_service.audit.report import CHECKS, AuditReport, Findings, PartyFigures, PinnedBlock, printable, results
from token_service.audit.rpc import Rpc
from token_service.audit.sources import document_source, receipt_source
from token_service.audit.state import State
from token_service.audit.stream import Stretch, stretches
from token_service.errors import NodeUnreachable, RpcError
from token_service.protocol.hashing import checksum_address

STRETCHES_BETWEEN_CHECKPOINTS: Final = 25
SECONDS_BETWEEN_COPIES: Final = 60
"""A checkpoint on the way copies the accounts, which may be large."""
ASKED_FOR: Final = frozenset({"checkpoint", "receipts", "ruleset_documents", *ASKED})
"""Checks that need more than a node; all others run always."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running audit is."""

    block: int
    first_block: int
    last_block: int
    batches: int
    entries: int


@dataclass(frozen=True, slots=True)
class Options:
    """What to audit. `receipts`, `openings` and `rulesets` are URLs or folders; `since` checkpoints that the chain must contain.

    `openings` bring receipts and rulesets along, unless these are given; at a URL they need `key`.

    The replay goes on from the newest of `since`; `checkpoint` is written at the end, and now and then on the way.
    `block` is finalized, safe, latest or a number.
    """

    rpc_url: str
    contract: str
    receipts: str | None = None
    rulesets: str | None = None
    openings: str | None = None
    key: str | None = field(default=None, repr=False)
    since: tuple[Path, ...] = ()
    checkpoint: Path | None = None
    block: str = "finalized"
    progress: Callable[[Progress], None] | None = None

    def requested(self) -> frozenset[str]:
        """The checks that count for the exit code."""
        asked: dict[str, object] = {
            "checkpoint": self.since,
            "receipts": self.receipts or self.openings,
            "ruleset_documents": self.rulesets or self.openings,
            **dict.fromkeys(ASKED, self.openings),
        }
        return (frozenset(CHECKS) - ASKED_FOR) | {name for name, given in asked.items() if given}


def run_audit(options: Options) -> AuditReport:
    """The report of one audit. Raises InvalidInput, NodeUnreachable, RpcError when it cannot even start or go on."""
    rpc = Rpc(options.rpc_url)
    contract = checksum_address(options.contract)
    kept = sorted(((checkpoints.read(path), path) for path in options.since), key=lambda pair: pair[0].block.number)
    block = pinning.pin(rpc, options.block)
    audit = _Audit(options, rpc, contract, rpc.quantity("eth_chainId"), block)
    try:
        return audit.run(kept)
    finally:
        audit.close()


class _Audit:
    """One audit under way."""

    def __init__(self, options: Options, rpc: Rpc, contract: str, chain_id: int, block: PinnedBlock) -> None:
        self.options, self.rpc, self.contract = options, rpc, contract
        self.chain_id, self.block = chain_id, block
        self.state, self.findings = State(), Findings()
        self.first_block = 0
        self.leaf_check: LeafCheck | None = None
        self.openings: OpeningCheck | None = None
        self.copied_at = monotonic()
        self.opening_source = None if options.openings is None else opening_source(options.openings, options.key)
        source = self.opening_source if options.receipts is None else receipt_source(options.receipts)
        if source is not None:
            self.leaf_check = LeafCheck(source, chain_id=chain_id, contract=contract)

    def close(self) -> None:
        if self.openings is not None:
            self.openings.close()

    def run(self, kept: Sequence[tuple[Checkpoint, Path]]) -> AuditReport:
        for point, _ in kept:
            checkpoints.check_contained(
                self.rpc, point, self.findings, chain_id=self.chain_id, contract=self.contract, block=self.block
            )
        if self.findings.counts:
            return self._refused("the chain is not the one of the checkpoint")
        constants = bytecode.check_code(self.rpc, self.chain_id, self.contract, hex(self.block.number), self.findings)
        if not constants.has_code:
            return self._refused(f"there is no contract at {self.contract} in block {self.block.number}")
        self.first_block = constants.deployed_at
        if kept:
            self._go_on_from(*kept[-1])
        elif self.options.openings is not None:
            self._open_accounts(None)
        self._replay(Terms(self.contract, constants.notice_period, constants.sunset_notice))
        if constants.notice_period is None:
            self.findings.doubt("notice", "the periods of a contract of another build are not known")
        closing.compare(self.rpc, self.contract, self.block, self.state, self.findings)
        if self.openings is not None:
            self.openings.finish(self.block.timestamp)
        rulesets = self.options.rulesets or self.options.openings
        if rulesets is not None:
            documents.check_documents(document_source(rulesets), self.state, self.findings)
        if pinning.block_hash(self.rpc, self.block.number) != self.block.hash:
            raise NodeUnreachable(f"block {self.block.number} was replaced while it was audited: run the audit again")
        self._write_checkpoint(self.block, is_complete=True)
        return self._report(len(kept))

    def _open_accounts(self, kept: Path | None) -> None:
        rulesets = self.options.rulesets or self.options.openings
        assert rulesets is not None  # there are openings
        self.openings = OpeningCheck(
            None if self.options.receipts is None else self.opening_source,
            document_source(rulesets),
            state=self.state,
            findings=self.findings,
            kept=kept,
        )

    def _go_on_from(self, point: Checkpoint, path: Path) -> None:
        """Findings go on too: an audit in parts must not forget. Doubts about receipts stay, others are asked again."""
        self.state = point.state
        self.findings.kept += point.findings.kept
        for check, count in point.findings.counts.items():
            self.findings.counts[check] = self.findings.counts.get(check, 0) + count
        for check in ("receipts", "openings"):
            for reason in point.findings.doubts.get(check, []):
                self.findings.doubt(check, reason)
        self._go_on_with_accounts(point, path)
        if self.leaf_check is not None and not point.has_receipts:
            reason = f"blocks up to {point.block.number} were audited without receipts"
            self.findings.doubt("receipts", reason)
        self.first_block = point.block.number + 1

    def _go_on_with_accounts(self, point: Checkpoint, path: Path) -> None:
        """Where the accounts of the checkpoint are not there, nothing behind it can be replayed."""
        if self.options.openings is None:
            return
        accounts = checkpoints.kept_accounts(path, point)
        if accounts is not None:
            self._open_accounts(accounts)
            return
        reason = f"blocks up to {point.block.number} were audited without openings"
        if point.v != checkpoints.VERSION:
            reason = (
                f"{path.name} is of an older version, whose accounts lack what is asked now: audit from the beginning"
            )
        elif point.accounts_sha256 is not None:
            reason = f"{checkpoints.accounts_path(path, point.block).name} is not there or was changed"
        for check in ASKED:
            self.findings.doubt(check, reason)

    def _replay(self, terms: Terms) -> None:
        found = stretches(self.rpc, self.contract, self.first_block, self.block.number)
        for number, stretch in enumerate(found, start=1):
            for transaction in stretch.transactions:
                batch = replay(self.state, terms, transaction, self.findings)
                if batch is None and self.openings is not None:
                    self.openings.follow(transaction)
                if batch is not None and self.leaf_check is not None:
                    leaves = self.leaf_check.check(batch, self.state, self.findings)
                    if self.openings is not None:
                        self.openings.check(batch, leaves)
            self._after(number, stretch)

    def _after(self, number: int, stretch: Stretch) -> None:
        counts = self.state.counts
        if self.options.progress is not None:
            self.options.progress(
                Progress(stretch.last, self.first_block, self.block.number, counts.batches, counts.entries)
            )
        if self.options.checkpoint is not None and number % STRETCHES_BETWEEN_CHECKPOINTS == 0 and self._may_copy():
            hash_ = pinning.block_hash(self.rpc, stretch.last)
            if hash_ is not None:
                self._write_checkpoint(PinnedBlock(stretch.last, hash_, 0, "on the way"), is_complete=False)

    def _may_copy(self) -> bool:
        if self.openings is not None and monotonic() < self.copied_at + SECONDS_BETWEEN_COPIES:
            return False
        self.copied_at = monotonic()
        return True

    def _write_checkpoint(self, block: PinnedBlock, *, is_complete: bool) -> None:
        path = self.options.checkpoint
        if path is None:
            return
        kept = None if self.openings is None else self.openings.keep(checkpoints.accounts_path(path, block))
        checkpoint = checkpoints.make(
            chain_id=self.chain_id,
            contract=self.contract,
            block=block,
            is_complete=is_complete,
            has_receipts=self.leaf_check is not None,
            state=self.state,
            findings=self.findings,
            accounts_sha256=kept,
        )
        checkpoints.write(path, checkpoint)
        checkpoints.forget_older_accounts(path, block)

    def _refused(self, reason: str) -> AuditReport:
        for check in CHECKS:
            if check not in ASKED_FOR and not self.findings.counts.get(check):
                self.findings.doubt(check, reason)
        for check in self.options.requested() & ASKED_FOR:
            if not self.findings.counts.get(check) and check != "checkpoint":
                self.findings.doubt(check, reason)
        return self._report(0)

    def _report(self, witnesses: int) -> AuditReport:
        return AuditReport(
            chain_id=self.chain_id,
            contract=self.contract,
            node=_node_version(self.rpc),
            block=self.block,
            from_block=self.first_block,
            witnessed_by=checkpoints.witnesses(self.chain_id, witnesses),
            checks=results(self.findings, self.options.requested()),
            counts=asdict(self.state.counts),
            totals=dict(self.state.totals),
            sequences={operator: lane.seq for operator, lane in self.state.lanes.items()},
            openings=None if self.openings is None else self.state.openings,
            days=self.state.days,
            parties=tuple(
                PartyFigures(number, printable(party.name), party.entries, party.points)
                for number, party in sorted(self.state.parties.items())
            ),
        )


def _node_version(rpc: Rpc) -> str:
    try:
        return printable(rpc.request("web3_clientVersion"))
    except RpcError:
        return "unnamed"
