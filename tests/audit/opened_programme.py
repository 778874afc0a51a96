"""An honest programme for the replay: a real ledger whose clock the test moves, settled on a real node by the test itself.

What is settled may be bent on the way (`bend`): a liar changes details before they are committed, so that leaves, root and words
agree with each other and only the replay can notice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger_town import Town, make_town
from sqlalchemy import select, update

from token_service.audit.report import AuditReport, Finding
from token_service.audit.run import Options, run_audit
from token_service.chain.settlement.ordering import arrange
from token_service.ledger import tables
from token_service.ledger.context import Actor
from token_service.ledger.moving_on import waits_for_what_goes_out
from token_service.ledger.rulesets import accept_published, draft
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.store import open_store, sqlite_url
from token_service.migrations import upgrade
from token_service.protocol import receipt_files, receipts
from token_service.protocol.hashing import text_hash, to_hex
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf
from token_service.protocol.receipts import Leaf, Opening
from token_service.units import EntryKind

from .programme import DAY, OPERATOR, START, Programme

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Settling:
    """One leaf about to be settled, with its detail."""

    id: str
    member_id: str
    account: str
    kind: int
    party: int
    amount: int
    salt: bytes
    detail: dict[str, Any]


Bend = Callable[[list[Settling]], Iterable[Settling]]


@dataclass
class OpenedProgramme:
    """A town whose leaves go to `chain`, and the folder of openings that an auditor gets."""

    town: Town
    chain: Programme
    folder: Path
    rulesets: list[str] = field(default_factory=list)
    bend: Bend = list

    def settle(self, count: int | None = None) -> None:
        """Everything that waits, or the first `count` leaves of it, as one batch an hour after the ledger's clock; what comes
        behind points that another account sends is a batch of its own, as with the planner.
        """
        self.wait()
        while found := self._waiting(count):
            self._settle(found)
            if count is not None:
                return

    def wait(self) -> None:
        """The chain's clock comes up to the ledger's."""
        self._wait_until(self.town.clock.at)

    def _settle(self, found: list[Settling]) -> None:
        arranged = arrange(list(self.bend(found)))
        words = sum(leaf.kind != EntryKind.FACT for leaf in arranged)
        seq = self.chain.seqs[OPERATOR] = self.chain.seqs.get(OPERATOR, 0) + 1
        filed = tuple(self._filed(leaf, seq, index) for index, leaf in enumerate(arranged))
        root = to_hex(receipts.receipts_tree([one.leaf for one in filed]).root)
        shared = (self.chain.chain_id, self.chain.contract, OPERATOR, seq)
        batch = BatchReceipts(*shared, self.rulesets[0], root, words, filed)
        self.write(batch)
        self.chain.batches.append(batch)
        self.chain.send(OPERATOR, self.chain.contract, self.chain.settle_data(batch))

    def write(self, batch: BatchReceipts) -> None:
        path = self.folder / receipt_files.relative_path(batch.operator, batch.seq)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(receipt_files.opened_file_lines(batch)))

    def audit(self, **more: Any) -> AuditReport:
        given = {"openings": str(self.folder), "block": "latest"} | more
        return run_audit(Options(self.chain.url, self.chain.contract, **given))

    def publish(self, document: str, *, ahead: timedelta = timedelta(), base: str | None = None) -> str:
        """Another ruleset on the chain, and in the ledger as the worker would write it."""
        admin = Actor.admin()
        hash_ = draft(self.town.context, admin, document, base).hash
        if hash_ in self.rulesets:
            return hash_
        self._wait_until(self.town.clock.at)
        at = int((self.town.clock.at + ahead).timestamp())
        if base is None:
            self.chain.admin("publishRuleset", hash_, "", at)
        else:
            self.chain.admin("publishAddendum", base, hash_, "")
        with self.town.context.store.write() as connection:
            effective = datetime.fromtimestamp(at if base is None else self.chain.now(), UTC)
            accept_published(connection, hash_, effective_at=effective, published_at=self.town.clock.at)
        self._keep_ruleset(hash_)
        return hash_

    def _keep_ruleset(self, hash_: str) -> None:
        with self.town.context.store.read() as connection:
            query = select(tables.rulesets.c.document).where(tables.rulesets.c.hash == hash_)
            document = connection.execute(query).scalar_one()
        place = self.folder / "rulesets"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{hash_}.json").write_text(document)
        self.rulesets.append(hash_)

    def _waiting(self, count: int | None) -> list[Settling]:
        with self.town.context.store.write() as connection:
            waits = waits_for_what_goes_out(leaves.c.member_id, leaves.c.seq)
            query = select(leaves).where(leaves.c.state == "accepted", ~waits).order_by(leaves.c.seq)
            rows = connection.execute(query).all()
            rows = rows[:count]
            ids = [row.id for row in rows]
            connection.execute(update(leaves).where(leaves.c.id.in_(ids)).values(state="void"))
            details: dict[str, str] = {}
            for table in (tables.entries, tables.facts):
                query = select(table.c.id, table.c.detail).where(table.c.id.in_(ids))
                details |= {row.id: row.detail for row in connection.execute(query)}
            keys = dict(connection.execute(select(tables.members.c.id, tables.members.c.sealed_salt_key)).all())
        salts = self.town.context.salts
        return [
            Settling(
                row.id, row.member_id, row.account, row.kind, row.party, row.amount,
                receipts.salt(salts.open(keys[row.member_id]), row.id), json.loads(details[row.id]),
            )
            for row in rows
        ]  # fmt: skip

    def _filed(self, settling: Settling, seq: int, index: int) -> FiledLeaf:
        text = receipts.jcs(settling.detail)
        leaf = Leaf(
            self.chain.chain_id, self.chain.contract, OPERATOR, seq, index, settling.account, settling.kind,
            settling.party, settling.amount, receipts.commitment(settling.salt, text),
        )  # fmt: skip
        return FiledLeaf(leaf, settling.id, opening=Opening(to_hex(settling.salt), text))

    def _wait_until(self, at: datetime) -> None:
        ahead = int(at.timestamp()) + 60 - self.chain.now()
        if ahead > 0:
            self.chain.wait(ahead)


def make_opened(node_url: str, folder: Path, keys_folder: Path, document: str) -> OpenedProgramme:
    """A programme with this ruleset; its members begin some days after the chain's start."""
    store = open_store(sqlite_url(folder / "ledger.db"))
    upgrade(store.engine)
    town = make_town(store, keys_folder, document)
    chain = Programme(node_url, folder / "receipts")
    made = OpenedProgramme(town, chain, folder / "openings")
    text = first_ruleset(town)
    chain.deploy(ruleset=text_hash(text))
    chain.admin("registerParty", 3, "Charlie", 1_000_000_000, DAY)
    chain.admin("setCeiling", 2, 1_000_000_000, DAY)
    chain.admin("setDebitLimit", OPERATOR, 1_000_000_000)
    town.clock.at = datetime.fromtimestamp(START, UTC) + 3 * HOUR
    made._keep_ruleset(text_hash(text))
    return made


def first_ruleset(town: Town) -> str:
    """The canonical text of the town's first ruleset."""
    with town.context.store.read() as connection:
        return str(connection.execute(select(tables.rulesets.c.document)).scalar_one())


def findings(report: AuditReport, check: str) -> list[Finding]:
    """The findings of one check."""
    return [finding for result in report.checks if result.name == check for finding in result.findings]
