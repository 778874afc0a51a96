"""Whether a promise was kept: its entry is on the chain in time, or it is broken (CONTRACT §2)."""

from __future__ import annotations

from collections.abc import Iterator

from token_service.audit.batches import Batch
from token_service.audit.leaves import LeafCheck
from token_service.audit.one_batch import Chain, all_batches, batches_of_account
from token_service.audit.report import Findings
from token_service.audit.sources import receipt_source
from token_service.audit.state import State
from token_service.audit.verify import Verdict, open_chain
from token_service.protocol import fields, promises
from token_service.protocol.hashing import checksum_address, from_hex
from token_service.protocol.promises import Promise, SignedPromise
from token_service.units import EntryKind


def verify_promise(
    signed: SignedPromise,
    *,
    rpc_url: str,
    now: int,
    contract: str | None = None,
    signer: str | None = None,
    receipts: str | None = None,
    block: str = "latest",
) -> Verdict:
    """What became of a promise as of a block, and of the clock: `now` in seconds since 1970.

    `contract` is where the caller expects it, None takes the promise's word; `signer` is the promise key that the
    programme publishes, without which the signature is not checked. `receipts` (URL or folder) tells this entry from
    others of the same account, kind, party and amount; without them a match can be doubtful, its absence cannot.
    """
    verdict, promise = Verdict("promise"), signed.promise
    by = promises.recover(promise, from_hex(signed.signature))
    if signer is None:
        verdict.doubt("signature", f"signed by {by}: give the programme's promise key with --signer")
    else:
        verdict.say("signature", by == checksum_address(signer), f"signed by {by}")
    if contract is not None:
        same = checksum_address(contract) == promise.contract
        verdict.say("address", same, f"the promise names contract {promise.contract}")
    chain = open_chain(rpc_url, promise.contract, block, verdict)
    verdict.say("chain", chain.chain_id == promise.chain_id, f"the promise names chain {promise.chain_id}")
    is_due = max(chain.block.timestamp, now) > promise.settle_by
    found = _Search(chain, promise, receipts).run()
    _judge(verdict, promise, found, is_due=is_due)
    return verdict


class _Search:
    """Looks for the promised leaf among the batches that can hold it."""

    def __init__(self, chain: Chain, promise: Promise, place: str | None) -> None:
        self.chain, self.promise = chain, promise
        self.kept_at: int | None = None
        self.likely = 0
        self.unread = 0
        self.check: LeafCheck | None = None
        if place is not None:
            self.check = LeafCheck(receipt_source(place), chain_id=chain.chain_id, contract=chain.contract)

    def run(self) -> _Search:
        for batch in self._batches():
            self._look(batch)
            if self.kept_at is not None:
                break
        return self

    def _batches(self) -> Iterator[Batch]:
        if self.promise.kind == EntryKind.FACT:
            return all_batches(self.chain) if self.check is not None else iter(())
        return batches_of_account(self.chain, self.promise.account, self.promise.kind)

    def _look(self, batch: Batch) -> None:
        promise = self.promise
        wanted = (promise.account, promise.kind, promise.party, promise.amount)
        applied = [tuple(word) for index, word in enumerate(batch.words) if index not in batch.skipped]
        if promise.kind != EntryKind.FACT and wanted not in applied:
            return
        if self.check is None:
            self.likely += 1
            return
        read = self.check.check(batch, State(), Findings())
        if read is None:
            self.unread += 1
            return
        for leaf in (filed.leaf for filed in read.leaves):
            told = (leaf.account, leaf.kind, leaf.party, leaf.amount)
            if (*told, leaf.commitment) == (*wanted, promise.commitment) and leaf.index not in batch.skipped:
                self.kept_at = batch.timestamp


def _judge(verdict: Verdict, promise: Promise, found: _Search, *, is_due: bool) -> None:
    by = fields.time_text(promise.settle_by)
    if found.kept_at is not None:
        at = fields.time_text(found.kept_at)
        verdict.say("kept", found.kept_at <= promise.settle_by, f"settled at {at}, promised by {by}")
    elif not is_due:
        verdict.doubt("kept", f"not due yet: promised by {by}, and not settled so far")
    elif promise.kind == EntryKind.FACT and found.check is None:
        verdict.doubt("kept", "facts are found by their receipts only: give --receipts")
    elif found.likely:
        detail = f"{found.likely} settled batches hold an entry that looks the same: give --receipts to tell them apart"
        verdict.doubt("kept", detail)
    elif found.unread:
        verdict.doubt("kept", f"the receipts of {found.unread} batches that may hold it cannot be read, or are wrong")
    else:
        verdict.say("kept", False, f"the promise is broken: due by {by}, and no such entry is on the chain")
