"""Where openings come from, and the check that opens every batch and replays its accounts (CONTRACT §3 "With openings")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from token_service.audit.accounts.book import AccountBook
from token_service.audit.accounts.opened import instant_at
from token_service.audit.accounts.rulebook import Rulebook
from token_service.audit.accounts.storage import Storage
from token_service.audit.batches import Batch
from token_service.audit.report import REPLAYED, Findings
from token_service.audit.sources import DocumentSource, Http, ReceiptSource, Unavailable, is_url, receipt_source
from token_service.audit.state import State
from token_service.audit.stream import Transaction
from token_service.errors import InvalidInput
from token_service.protocol import receipt_files
from token_service.protocol.receipt_files import BatchReceipts

ASKED: Sequence[str] = ("openings", *REPLAYED)
"""The checks that openings ask for."""
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def opening_source(place: str, key: str | None) -> ReceiptSource:
    """A service's base URL, read with an API key of the scope `openings:read`, or a folder that holds `{operator}/{seq}`.

    Raises InvalidInput where the key would travel in the open.
    """
    if not is_url(place):
        return receipt_source(place)
    if key is None:
        raise InvalidInput("openings at a URL need a key of the programme: a file (--key-file) or MEREAU_AUDIT_KEY")
    address = urlsplit(place)
    if address.scheme != "https" and address.hostname not in _HERE:
        raise InvalidInput("a key is sent over https only, or to this machine")
    return _OpeningUrl(place, key)


class _OpeningUrl:
    def __init__(self, base: str, key: str) -> None:
        self._http = Http(base, key)

    def batch(self, operator: str, seq: int) -> BatchReceipts:
        return receipt_files.parse(self._http.get(f"/v1/batches/{operator}/{seq}/openings"))


class OpeningCheck:
    """Opens one batch after the other. Without `source` the leaves that the receipts brought are opened themselves."""

    def __init__(
        self,
        source: ReceiptSource | None,
        documents: DocumentSource,
        *,
        state: State,
        findings: Findings,
        kept: Path | None = None,
    ) -> None:
        """`kept` is the file of accounts from which the replay goes on. Raises BadSettings when it cannot be read."""
        self._source, self._state, self._findings = source, state, findings
        self._storage = Storage(kept)
        self._rulebook = Rulebook(documents, state.rulesets)
        self._book = AccountBook(self._rulebook, self._storage, state, findings)

    def check(self, batch: Batch, leaves: BatchReceipts | None) -> None:
        """Replays a batch; `leaves` None: they are not there, or not what the chain committed to."""
        if leaves is None:
            self._state.openings.unproved_batches += 1
            for check in ASKED:
                self._findings.doubt(check, f"batch {batch.operator}/{batch.seq}: its leaves are not proved")
            return
        self._book.take(batch, leaves, leaves if self._source is None else self._read(batch, leaves))

    def follow(self, transaction: Transaction) -> None:
        """Takes in a transaction that settled no batch: what holders did with keys of their own."""
        self._book.follow(transaction)

    def finish(self, timestamp: int) -> None:
        """Says what was kept back or could not be checked, as of a block's time."""
        self._book.finish(instant_at(timestamp))
        for hash_, why in self._rulebook.unreadable.items():
            for check in REPLAYED:
                self._findings.doubt(check, f"ruleset {hash_}: {why}")

    def keep(self, path: Path) -> str:
        """Writes the accounts beside a checkpoint and answers the file's SHA-256."""
        return self._storage.keep(path)

    def close(self) -> None:
        """Removes what was kept on disk meanwhile."""
        self._storage.close()

    def _read(self, batch: Batch, leaves: BatchReceipts) -> BatchReceipts:
        assert self._source is not None  # asked only then
        try:
            return self._source.batch(batch.operator, batch.seq)
        except Unavailable as error:
            self._findings.doubt("openings", f"batch {batch.operator}/{batch.seq}: {error.detail}")
        except InvalidInput as error:
            self._findings.add(batch.finding("openings", f"the batch's openings are malformed: {error.detail}"))
        return replace(leaves, leaves=())
