"""A settle transaction: its words against its logs, one by one, and against everything that bounds an operator."""

from __future__ import annotations

from dataclasses import dataclass, field

from token_service.audit.report import Finding, Findings
from token_service.audit.state import State
from token_service.audit.stream import Transaction
from token_service.protocol import events
from token_service.protocol.calldata import SettleCall
from token_service.protocol.hashing import ZERO_ADDRESS
from token_service.protocol.words import EntryWord, unpack
from token_service.units import CREDIT_KINDS, POINTS_MAX, EntryKind


@dataclass(slots=True)
class Batch:
    """What the chain says of one batch; `skipped` index → reason."""

    operator: str
    seq: int
    ruleset_hash: str
    receipts_root: str
    block_number: int
    timestamp: int
    transaction: str
    words: tuple[EntryWord, ...] = ()
    skipped: dict[int, int] = field(default_factory=dict)

    def finding(
        self, check: str, detail: str, *, index: int | None = None, expected: object = None, found: object = None
    ) -> Finding:
        """A finding that names this batch."""
        return Finding(
            check,
            detail,
            expected=None if expected is None else str(expected),
            found=None if found is None else str(found),
            operator=self.operator,
            seq=self.seq,
            index=index,
            block=self.block_number,
            transaction=self.transaction,
        )


@dataclass(slots=True)
class _Run:
    """One batch under replay, with the sums of its applied entries."""

    state: State
    transaction: Transaction
    findings: Findings
    batch: Batch
    count: int = 0
    minted: int = 0
    burned: int = 0

    def differs(
        self, check: str, detail: str, *, index: int | None = None, expected: object = None, found: object = None
    ) -> None:
        self.findings.add(self.batch.finding(check, detail, index=index, expected=expected, found=found))


def replay_batch(state: State, contract: str, transaction: Transaction, findings: Findings) -> Batch:
    """Replays the batch of a transaction that holds a BatchSettled, and returns it. Notes everything that differs."""
    settled = [event for event in transaction.events if isinstance(event, events.BatchSettled)]
    last = settled[-1]
    batch = Batch(
        operator=last.operator,
        seq=last.seq,
        ruleset_hash=last.ruleset_hash,
        receipts_root=last.receipts_root,
        block_number=transaction.block_number,
        timestamp=transaction.timestamp,
        transaction=transaction.hash,
    )
    run = _Run(state, transaction, findings, batch)
    state.counts.batches += len(settled)
    for event in settled:
        _check_head(run, event)
    call = _call(run, contract, last)
    if len(settled) > 1:
        run.differs("sequences", "one transaction settled more than once", expected=1, found=len(settled))
    elif call is not None:
        batch.words = tuple(unpack(word) for word in call.words)
        _check_words(run, last)
    return batch


def _check_head(run: _Run, event: events.BatchSettled) -> None:
    """Sequence, role, pause and ruleset."""
    lane, now = run.state.lane(event.operator), run.transaction.timestamp
    lane.advance(now)
    if event.seq != lane.seq + 1:
        what = "a sequence is repeated" if event.seq <= lane.seq else "a sequence is left out"
        run.differs("sequences", what, expected=lane.seq + 1, found=event.seq)
    lane.seq = max(lane.seq, event.seq)
    if event.operator not in run.state.settlers:
        run.differs("sequences", "the operator was never made a settler", found=event.operator)
    if now < run.state.paused_until:
        run.differs("pause", "a batch was settled under a pause")
    ruleset = run.state.rulesets.get(event.ruleset_hash)
    if ruleset is None:
        run.differs("rulesets", "the ruleset was never published", found=event.ruleset_hash)
    elif ruleset.effective_at > now:
        detail = f"the ruleset {event.ruleset_hash} was used before it was in force"
        run.differs("rulesets", detail, expected=f"not before {ruleset.effective_at}", found=now)


def _call(run: _Run, contract: str, settled: events.BatchSettled) -> SettleCall | None:
    """The settle call, if the transaction itself is one: only then are the words in its input."""
    sender = run.transaction.sender
    if sender is None or sender.to_address != contract or sender.call is None:
        found = None if sender is None else sender.to_address
        run.differs("transfers", "the batch was not sent directly", expected=contract, found=found)
        return None
    call = sender.call
    pairs = (
        ("operator", sender.from_address, settled.operator),
        ("sequence", call.seq, settled.seq),
        ("ruleset", call.ruleset_hash, settled.ruleset_hash),
        ("receipts root", call.receipts_root, settled.receipts_root),
    )
    for name, sent, logged in pairs:
        if sent != logged:
            detail = f"the {name} of the batch's event is not that of its transaction"
            run.differs("transfers", detail, expected=sent, found=logged)
    return call


def _check_words(run: _Run, settled: events.BatchSettled) -> None:
    """Each word has exactly one event: its Transfer, or its EntrySkipped. Nothing is left over."""
    batch, counts = run.batch, run.state.counts
    rest = [event for event in reversed(run.transaction.events) if event is not settled]
    for index, word in enumerate(batch.words):
        event = rest[-1] if rest else None
        if isinstance(event, events.EntrySkipped) and (event.operator, event.seq) == (batch.operator, batch.seq):
            rest.pop()
            _skip(run, index, event)
            continue
        expected, found = _transfer_of(word), "no Transfer"
        if isinstance(event, events.Transfer):
            rest.pop()
            counts.transfers += 1
            found = _moved(event)
        if found == expected:
            _apply(run, index, word)
        else:
            detail = "the entry word and its Transfer differ"
            run.differs("transfers", detail, index=index, expected=expected, found=found)
    for left in reversed(rest):
        counts.transfers += isinstance(left, events.Transfer)
        found = _moved(left) if isinstance(left, events.Transfer) else left.name
        detail = "the batch's transaction holds an event that none of its words explains"
        run.differs("transfers", detail, expected="no further event", found=found)
    counts.entries += run.count
    sums, logged = (run.count, run.minted, run.burned), (settled.count, settled.minted, settled.burned)
    if sums != logged:
        detail = "count, minted and burned of the batch's event are not those of its entries"
        run.differs("totals", detail, expected=sums, found=logged)


def _skip(run: _Run, index: int, event: events.EntrySkipped) -> None:
    run.state.counts.skipped += 1
    run.batch.skipped[index] = event.reason
    if event.index != index:
        run.differs("transfers", "a skip names another entry", index=index, expected=index, found=event.index)


def _apply(run: _Run, index: int, word: EntryWord) -> None:
    """Counts an applied entry against everything that bounds it."""
    if not EntryKind.ISSUANCE <= word.kind <= EntryKind.MOVE_IN or not 1 <= word.amount <= POINTS_MAX:
        found = f"kind {word.kind}, amount {word.amount}"
        run.differs("transfers", "a bad word was applied", index=index, found=found)
        return
    run.count += 1
    run.state.add_total(word.kind, word.amount, run.batch.timestamp)
    party = run.state.parties.get(word.party)
    if party is not None:
        party.entries, party.points = party.entries + 1, party.points + word.amount
    _check_sunset(run, index, word)
    if word.account in run.state.frozen:
        run.differs("custody", "a frozen account was touched", index=index, found=word.account)
    if word.kind in CREDIT_KINDS:
        run.minted += word.amount
        _credit(run, index, word)
    else:
        run.burned += word.amount
        _debit(run, index, word)


def _check_sunset(run: _Run, index: int, word: EntryWord) -> None:
    sunset_at = run.state.sunset_at
    if not sunset_at:
        return
    is_over = run.batch.timestamp >= sunset_at
    stopped = (EntryKind.ISSUANCE, EntryKind.ADJUSTMENT_UP) if is_over else (EntryKind.EXPIRY,)
    if word.kind in stopped:
        kind = EntryKind(word.kind).name.lower().replace("_", " ")
        detail = f"{kind} of points although the sunset at {sunset_at} stops it"
        run.differs("sunset", detail, index=index, expected=0, found=word.amount)


def _credit(run: _Run, index: int, word: EntryWord) -> None:
    totals = run.state.totals
    if word.kind in (EntryKind.ISSUANCE, EntryKind.ADJUSTMENT_UP):
        _charge_ceiling(run, index, word)
    elif word.kind == EntryKind.RESTORATION:
        most = totals["redeemed"] + totals["donated"] + totals["redeemed_by_signature"]
        if totals["restored"] > most:
            detail = "more was restored than had been redeemed and donated"
            run.differs("custody", detail, index=index, expected=f"≤ {most}", found=totals["restored"])
        _charge_lane(run, index, word)
    elif totals["moved_in"] > totals["moved_out"]:
        most = totals["moved_out"]
        detail = "more was moved in than had been moved out"
        run.differs("custody", detail, index=index, expected=f"≤ {most}", found=totals["moved_in"])


def _charge_ceiling(run: _Run, index: int, word: EntryWord) -> None:
    party = run.state.parties.get(word.party)
    if party is None:
        detail = "a party that was never registered issued points"
        run.differs("ceilings", detail, index=index, found=f"party {word.party}")
        return
    party.advance(run.batch.timestamp)
    party.issued += word.amount
    if party.issued > party.ceiling:
        detail = f"party {word.party} issued more than its ceiling in window {party.window}"
        run.differs("ceilings", detail, index=index, expected=f"≤ {party.ceiling}", found=party.issued)


def _debit(run: _Run, index: int, word: EntryWord) -> None:
    expires_at = run.state.self_custody.get(word.account)
    if expires_at is not None:
        is_due = expires_at != 0 and run.batch.timestamp >= expires_at
        if word.kind != EntryKind.EXPIRY or not is_due:
            found = f"{word.amount} of {word.account}"
            run.differs("custody", "an operator lowered a self-custody balance", index=index, found=found)
        return
    _charge_lane(run, index, word)


def _charge_lane(run: _Run, index: int, word: EntryWord) -> None:
    """Custodial debits and restorations count against the operator's day."""
    lane = run.state.lane(run.batch.operator)
    lane.debited += word.amount
    if lane.debited > lane.limit:
        detail = f"the operator took and restored more than its limit on day {lane.day}"
        run.differs("debit_limits", detail, index=index, expected=f"≤ {lane.limit}", found=lane.debited)


def _transfer_of(word: EntryWord) -> str:
    if word.kind in CREDIT_KINDS:
        return f"{word.amount} from {ZERO_ADDRESS} to {word.account}"
    return f"{word.amount} from {word.account} to {ZERO_ADDRESS}"


def _moved(transfer: events.Transfer) -> str:
    return f"{transfer.amount} from {transfer.from_address} to {transfer.to_address}"
