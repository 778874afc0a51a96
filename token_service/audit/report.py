"""What an audit found: for each check held, failed or not checked, and findings that name place and both values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from token_service.audit.state import Openings

FINDINGS_MAX: Final = 100
"""Findings kept for one check; further ones are counted."""
SAID_MAX: Final = 1_000
"""Characters of a value in a finding: what the audited say may be long."""

CHECKS: Final = {
    "bytecode": "the contract's code is the published build, made by its own constructor; its constants are right",
    "checkpoint": "the chain contains every checkpoint given",
    "sequences": "each operator's batches are 1, 2, 3 … without gap or repeat, and sent by a settler",
    "transfers": "every Transfer is one entry word, signed redemption, bind, return, or transfer while open",
    "totals": "the contract's totals and supply are the sums of what happened",
    "ceilings": "no party issued more than its ceiling in any window",
    "debit_limits": "no operator took from custodial accounts and restored more than its daily limit",
    "rulesets": "every batch names a published ruleset that was in force",
    "notice": "rulesets, higher ceilings, higher debit limits and transfers were announced in time",
    "sunset": "the end was announced in time, and nothing expired or was issued against it",
    "custody": "no operator touched frozen or self-custody points; restored and moved points had left before",
    "pause": "nothing that a pause stops happened under a pause, and no pause was too long",
    "receipts": "every batch's leaves hash to its root, are complete and agree with its words",
    "ruleset_documents": "every published hash has its document, and addenda only add",
    "openings": "every opening is what was committed, and none is withheld",
    "history": "each account's leaves are complete and in order, and purchases, visits and times count on",
    "decisions": "everything was decided by the rules in force at its time, and nothing was recorded too late",
    "awards": "every purchase and event earned what its rules give, to the point and line by line, in its time",
    "tiers": "every level is the one that the account's history gives",
    "lots": "points are used and expire as the rules say: which, in what order, and not before their date",
    "reversals": "refunds leave what the rules leave, nothing is taken back twice, and debts are paid in turn",
    "restorations": "points come back to the redemption that took them, and never more",
    "rewards": "every reward had the price of its ruleset, points their value, and renewals a standing order",
    "benefits": "every use of a benefit was granted and within its limit, and taken back once at most",
    "manual": "what people did by hand has a reason and a name, and stays within its limit",
    "references": "every part of an operation was recorded once under its merchant's reference",
}

REPLAYED: Final = (
    "history", "decisions", "awards", "tiers", "lots", "reversals", "restorations", "rewards", "benefits",
    "manual", "references",
)  # fmt: skip
"""Checks that need every leaf of an account, and the rules."""


def printable(text: object, most: int = 200) -> str:
    """The first characters of a foreign text, without what could steer a terminal."""
    said = str(text)
    return "".join(c if c.isprintable() else "�" for c in said[:most]) + ("…" if len(said) > most else "")


class Status(StrEnum):
    """How a check ended."""

    HELD = "held"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that differs. Places that do not apply are None; values are as a person reads them."""

    check: str
    detail: str
    expected: str | None = None
    found: str | None = None
    operator: str | None = None
    seq: int | None = None
    index: int | None = None
    block: int | None = None
    transaction: str | None = None

    def __str__(self) -> str:
        place = [f"batch {self.operator}/{self.seq}"] if self.seq is not None else []
        place += [f"index {self.index}"] if self.index is not None else []
        place += [f"block {self.block}"] if self.block is not None else []
        place += [f"transaction {self.transaction}"] if self.transaction is not None and self.seq is None else []
        has_values = self.expected is not None or self.found is not None
        values = f": expected {self.expected}, found {self.found}" if has_values else ""
        return f"{self.detail}{values}" + (f" ({', '.join(place)})" if place else "")


def _shown(finding: Finding) -> Finding:
    """The finding with what foreigners said made harmless."""
    detail, expected, found, transaction = (
        None if text is None else printable(text, SAID_MAX)
        for text in (finding.detail, finding.expected, finding.found, finding.transaction)
    )
    return replace(finding, detail=detail or "", expected=expected, found=found, transaction=transaction)


@dataclass(slots=True)
class Findings:
    """Collects findings while an audit runs; goes through checkpoints as JSON."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Something differs."""
        count = self.counts.get(finding.check, 0)
        if count < FINDINGS_MAX:
            self.kept.append(_shown(finding))
        self.counts[finding.check] = count + 1

    def doubt(self, check: str, reason: str) -> None:
        """Something that was asked for could not be checked."""
        reasons = self.doubts.setdefault(check, [])
        if len(reasons) < FINDINGS_MAX:
            reasons.append(printable(reason, SAID_MAX))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report. `is_requested` False: nobody asked, so it does not count for the exit code."""

    name: str
    status: Status
    is_requested: bool
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    findings_count: int


@dataclass(frozen=True, slots=True)
class PinnedBlock:
    """The block at which everything was read. `timestamp` in seconds since 1970 UTC; `tag` how it was chosen."""

    number: int
    hash: str
    timestamp: int
    tag: str


@dataclass(frozen=True, slots=True)
class PartyFigures:
    """What was applied under a party's number, whatever the kind."""

    party: int
    name: str
    entries: int
    points: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The whole answer. `counts` what was read; `totals` points by kind, recomputed; `days` the same by days since 1970."""

    chain_id: int
    contract: str
    node: str
    block: PinnedBlock
    from_block: int
    witnessed_by: str
    checks: tuple[CheckResult, ...]
    counts: dict[str, int]
    totals: dict[str, int]
    sequences: dict[str, int]
    openings: Openings | None = None
    days: dict[int, dict[str, int]] = field(default_factory=dict)
    parties: tuple[PartyFigures, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 all requested checks held · 1 something differs · 2 something requested could not be checked."""
        statuses = {check.status for check in self.checks if check.is_requested}
        if any(check.status is Status.FAILED for check in self.checks):
            return 1
        return 2 if Status.NOT_CHECKED in statuses else 0

    def to_json(self) -> dict[str, Any]:
        """The report for machines: what `mereau audit --json` prints."""
        document = {"object": "audit_report", "v": 1, "exit_code": self.exit_code, **asdict(self)}
        if self.openings is not None:
            document["openings"]["waiting"] = len(self.openings.waiting)
        return document


def results(findings: Findings, requested: frozenset[str]) -> tuple[CheckResult, ...]:
    """One result for each check, in the order of CHECKS."""
    return tuple(_result(name, findings, name in requested) for name in CHECKS)


def _result(name: str, findings: Findings, is_requested: bool) -> CheckResult:
    count, reasons = findings.counts.get(name, 0), tuple(findings.doubts.get(name, ()))
    status = Status.HELD
    if count:
        status = Status.FAILED
    elif reasons or not is_requested:
        status = Status.NOT_CHECKED
    kept = tuple(finding for finding in findings.kept if finding.check == name)
    return CheckResult(name, status, is_requested, reasons, kept, count)
