"""Takes one batch after the other, opens its leaves, and replays each account in the order of its leaves' numbers.

The chain's order within a batch is words first, then facts, and an entry that the contract deferred comes later: the number in
each detail says the ledger's own order. A leaf whose number is not the next waits; one that never comes was kept back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from token_service.audit.accounts import (
    award_parts,
    challenges,
    imports,
    lots,
    merges,
    payments,
    references,
    referrals,
    refunds,
    tiers,
    vouchers,
    wallets,
)
from token_service.audit.accounts.account import Account, Signed, Unsettled, Waiting
from token_service.audit.accounts.kinds import CHECKS
from token_service.audit.accounts.opened import OpenedLeaf, instant_at, opened
from token_service.audit.accounts.rulebook import Rulebook
from token_service.audit.accounts.step import Step, Stop
from token_service.audit.accounts.storage import Storage
from token_service.audit.batches import Batch
from token_service.audit.report import FINDINGS_MAX, REPLAYED, SAID_MAX, Finding, Findings, printable
from token_service.audit.state import State
from token_service.audit.stream import Transaction
from token_service.errors import InvalidInput, MereauError
from token_service.protocol import events
from token_service.protocol.hashing import hash_to_bytes
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf
from token_service.protocol.receipts import Leaf, commitment
from token_service.units import KIND_WORDS, EntryKind

CLOCKS: Final = timedelta(minutes=5)
"""How far clocks of tills, of the service's processes and of the chain may lie apart."""
ERASED: Final = "erased"
_RULES_OF_OTHERS: Final = frozenset({"purchase", "event", "refund", "reversal", "hold", "delivery", "lapse"})
_AT_ONCE: Final = frozenset({"issuance", "redemption", "restoration", "adjustment", "donation", "move"})
"""Kinds that happen when they are recorded, but for an issuance of a purchase or an event."""


_KNOWN: Final = frozenset({kind for kind, _ in CHECKS} | set(KIND_WORDS.values()))


class AccountBook:
    """The replay of all accounts."""

    def __init__(self, rulebook: Rulebook, storage: Storage, state: State, findings: Findings) -> None:
        self.rulebook, self.storage, self.state, self.findings = rulebook, storage, state, findings

    def take(self, batch: Batch, leaves: BatchReceipts, openings: BatchReceipts) -> None:
        """Opens and replays the leaves of a batch whose root is right; `openings` lie beside them by index."""
        shown = leaves.leaves if openings is leaves else _beside(leaves, openings)
        by_account: dict[str, list[OpenedLeaf]] = {}
        for filed in shown:
            leaf = self._opened(batch, filed)
            if leaf is not None:
                by_account.setdefault(leaf.account, []).append(leaf)
        for address, found in by_account.items():
            account = self.storage.account(address)
            found.sort(key=lambda leaf: leaf.number)
            for leaf in found:
                self._replay(account, leaf)
            self._note_waiting(account)
        self.storage.touched(list(by_account))

    def follow(self, transaction: Transaction) -> None:
        """What holders did with keys of their own: accounts that moved, points that were spent by signature."""
        for event in transaction.events:
            if isinstance(event, events.SelfCustodyBound):
                self._moved(event.from_address, event.to_address, is_self_custody=True)
            elif isinstance(event, events.ReturnedToCustody):
                self._moved(event.from_address, event.to_address, is_self_custody=False)
            elif isinstance(event, events.Redeemed):
                place = (transaction.hash, event.position.log_index)
                signed = Signed(
                    *place, event.amount, event.merchant, event.reward, transaction.block_number, transaction.timestamp
                )
                self.storage.account(event.account).signed.append(signed)
                self.storage.touched([event.account])

    def _moved(self, from_address: str, to_address: str, *, is_self_custody: bool) -> None:
        account = self.storage.account(from_address)
        if from_address != to_address:
            there = self.storage.account(to_address)
            if there.count or there.waiting:
                self._stop(there, "two accounts came together at one address")
                self._stop(account, "two accounts came together at one address")
                return
            waiting = self.state.openings.waiting
            is_waiting = from_address in waiting
            waiting.discard(from_address)
            self.storage.move(account, to_address)
            waiting.update({to_address} if is_waiting else ())
        account.is_self_custody = is_self_custody
        self.storage.touched([to_address])

    def finish(self, now: datetime) -> None:
        """Notes what was kept back, and what could be replayed in part only."""
        tally = self.state.openings
        for account in self.storage.with_untold():
            if account.stopped is None and account.count:
                for finding in wallets.untold(account, int(now.timestamp())):
                    self.findings.add(finding)
        for account in self.storage.with_going():
            for finding in merges.untold(account, int(now.timestamp())) if account.stopped is None else ():
                self.findings.add(finding)
        for account in self.storage.with_owed_vouchers():
            for finding in () if account.address in self.state.frozen else vouchers.untold(account, now):
                self.findings.add(finding)
        for account in self.storage.with_owed_for_refunds():
            for finding in () if account.address in self.state.frozen else payments.untold(account, now):
                self.findings.add(finding)
        for finding in (*referrals.untold(self.storage, now), *award_parts.untold(self.storage, now)):
            self.findings.add(finding)
        for campaign_id, points, budget in self.storage.overspent_campaigns():
            what = "the campaign" if "/" not in campaign_id else "the day and party"
            is_by_hand = " by " in campaign_id
            said = "more than one person may in a day" if is_by_hand else "gave more than its budget"
            said = "more than one person may bring in alone" if campaign_id.startswith(imports.ALONE) else said
            detail = f"{'by hand:' if is_by_hand else what} {printable(campaign_id)} {said}"
            self.findings.add(
                Finding("manual" if is_by_hand else "awards", detail, expected=f"at most {budget}", found=str(points))
            )
        for address in sorted(tally.waiting):
            self._finish(self.storage.account(address))
        self._say_stopped()
        tally.overdue_awards, tally.overdue_points = self.storage.overdue(now)

    def _finish(self, account: Account) -> None:
        if account.stopped is not None or account.is_frozen or account.address in self.state.frozen:
            return
        first = min(account.waiting, key=lambda leaf: leaf.number)
        detail = f"a leaf of {account.address} is kept back"
        if self.state.openings.unproved_batches:
            self._stop(account, detail)
            return
        leaf = self._again(account, first)
        self.findings.add(
            leaf.finding("history", detail, expected=f"number {account.count + 1}", found=f"number {first.number}")
        )
        self._stop(account, detail)

    def _say_stopped(self) -> None:
        tally = self.state.openings
        if tally.stopped:
            some = "1 account was" if tally.stopped == 1 else f"{tally.stopped} accounts were"
            for check in REPLAYED:
                self.findings.doubt(check, f"{some} replayed in part only: {tally.stopped_why}")

    # --- opening --------------------------------------------------------------------------------------------------------

    def _opened(self, batch: Batch, filed: FiledLeaf) -> OpenedLeaf | None:
        """The leaf with its detail; None, and the account's replay ends, where it is closed or does not open."""
        tally, leaf = self.state.openings, filed.leaf
        points = leaf.amount if leaf.kind and leaf.index not in batch.skipped else 0
        if filed.opening is None:
            closed = filed.closed or "withheld"
            tally.add(closed, points)
            if closed == "withheld":
                self.findings.doubt("openings", f"batch {batch.operator}/{batch.seq}, index {leaf.index}: withheld")
            self._stop(self.storage.account(leaf.account), closed)
            return None
        told = commitment(hash_to_bytes(filed.opening.salt), filed.opening.detail)
        if told != leaf.commitment:
            detail = "salt and detail are not what was committed"
            self.findings.add(batch.finding("openings", detail, index=leaf.index, expected=leaf.commitment, found=told))
            self._close(leaf, points, detail)
            return None
        try:
            found = opened(batch, leaf, filed.opening.detail)
        except InvalidInput as error:
            self.findings.add(batch.finding("openings", f"a detail cannot be read: {error.detail}", index=leaf.index))
            self._close(leaf, points, "a detail cannot be read")
            return None
        tally.add("opened", points)
        return found

    def _close(self, leaf: Leaf, points: int, reason: str) -> None:
        self.state.openings.add("withheld", points)
        self._stop(self.storage.account(leaf.account), reason)

    def _stop(self, account: Account, reason: str) -> None:
        """The account cannot be replayed from here on. That of an erased member is nobody's fault."""
        tally = self.state.openings
        tally.waiting.discard(account.address)
        if account.stopped is not None:
            return
        account.stopped = reason
        if reason != ERASED:
            tally.stopped += 1
            tally.stopped_why = tally.stopped_why or printable(f"{account.address}, {reason}", SAID_MAX)

    # --- order ----------------------------------------------------------------------------------------------------------

    def _replay(self, account: Account, leaf: OpenedLeaf) -> None:
        """The leaf in its turn, and those that waited for it."""
        if account.stopped is not None:
            if account.stopped == ERASED:
                self._note_open(account, leaf)
            return
        if leaf.number <= account.count:
            self._repeat(account, leaf)
            return
        if leaf.number > account.count + 1:
            account.waiting.append(_kept(leaf))
            return
        self._step(account, leaf)
        while account.waiting and account.stopped is None:
            following = next((kept for kept in account.waiting if kept.number == account.count + 1), None)
            if following is None:
                return
            account.waiting.remove(following)
            self._step(account, self._again(account, following))

    def _note_open(self, account: Account, leaf: OpenedLeaf) -> None:
        """A salt key that is deleted opens nothing any more: whoever says so of one leaf and opens another hides the first."""
        account.stopped = "opened in part"
        where = f"batch {leaf.operator}/{leaf.seq}, index {leaf.index}"
        reason = f"{where}: this leaf opens, and one before it of {account.address} is said to be erased"
        self.findings.doubt("openings", reason)

    def _repeat(self, account: Account, leaf: OpenedLeaf) -> None:
        """A number that was there before: only an entry that the contract skipped may come again."""
        before = account.unsettled.get(leaf.number)
        if before is None or before.commitment != leaf.commitment:
            detail = f"leaf number {leaf.number} of {leaf.account} is there twice"
            self.findings.add(leaf.finding("references", detail, expected="once", found=leaf.id))
        elif leaf.skip_reason is None:
            del account.unsettled[leaf.number]
            self._count(leaf)

    def _note_waiting(self, account: Account) -> None:
        waiting = self.state.openings.waiting
        (waiting.add if account.waiting and account.stopped is None else waiting.discard)(account.address)

    def _again(self, account: Account, kept: Waiting) -> OpenedLeaf:
        batch = Batch(
            kept.operator, kept.seq, "", "", kept.block_number, kept.settled_at, kept.transaction,
            skipped={} if kept.skip_reason is None else {kept.index: kept.skip_reason},
        )  # fmt: skip
        leaf = Leaf(
            0, "", kept.operator, kept.seq, kept.index, account.address, kept.entry_kind, kept.party, kept.amount, kept.commitment
        )  # fmt: skip
        return opened(batch, leaf, kept.text)

    # --- one leaf -------------------------------------------------------------------------------------------------------

    def _step(self, account: Account, leaf: OpenedLeaf) -> None:
        sunset = (self.state.sunset_announced_at, self.state.sunset_at)
        party = self.state.parties.get(leaf.party)
        name = "" if party is None else party.name
        step = Step(account, leaf, self.rulebook, self.storage, self.findings, sunset, name)
        account.count = leaf.number
        try:
            self._check(step)
        except Stop as stop:
            self._stop(account, stop.detail)
        except MereauError as error:
            step.differs("openings", f"a detail cannot be replayed: {error.detail}", found=leaf.kind)
            self._stop(account, f"leaf number {leaf.number} cannot be replayed")

    def _check(self, step: Step) -> None:
        account, leaf = step.account, step.leaf
        if leaf.number == 1:
            self.state.openings.accounts += 1
            tiers.joined(step)
        _check_times(step)
        if not award_parts.follows(step):  # what the award brings with it comes behind its last part
            _check_owed(step)
        if leaf.skip_reason is not None:
            account.unsettled[leaf.number] = Unsettled(
                leaf.id, leaf.commitment, leaf.entry_kind, leaf.amount, _text(leaf.detail.get("operation_id")),
                {use.lot_id: use.points for use in leaf.uses()} if "lots" in leaf.detail else {},
            )  # fmt: skip
        self._dispatch(step)

    def _dispatch(self, step: Step) -> None:
        leaf = step.leaf
        pays = leaf.entry_kind == EntryKind.REVERSAL and leaf.detail.get("pays_debt") is True
        check = refunds.payment if pays else CHECKS.get((leaf.kind, leaf.operation))
        word = KIND_WORDS.get(leaf.entry_kind)
        if leaf.entry_kind != EntryKind.FACT and word != leaf.kind:
            step.differs("openings", "the detail says another kind than the entry", expected=word, found=leaf.kind)
        if (
            leaf.entry_kind == EntryKind.FACT
            and (check is None or leaf.kind in KIND_WORDS.values())
            and leaf.kind != "reversal"
        ):
            self._not_interpreted(leaf)
            if leaf.kind in _KNOWN:
                said = f"{leaf.kind} of {leaf.operation}"
                step.differs("openings", "a fact says what no fact can say", expected="a kind of facts", found=said)
            return
        if check is None:
            self._not_interpreted(leaf)
            raise Stop(f"this auditor cannot replay {leaf.kind} of {leaf.operation}")
        references.check(step, self.state.openings.merchants)
        _check_rules(step)
        check(step)
        self._count(leaf)

    def _count(self, leaf: OpenedLeaf) -> None:
        """What no rule gave."""
        if imports.is_import(leaf) and leaf.skip_reason is None:
            imports.count(leaf, self.state.openings.brought_in)

    def _not_interpreted(self, leaf: OpenedLeaf) -> None:
        counts, kind = self.state.openings.not_interpreted, printable(leaf.kind)
        if kind not in counts and len(counts) >= FINDINGS_MAX:
            kind = "others"
        counts[kind] = counts.get(kind, 0) + 1


def _check_owed(step: Step) -> None:
    """What the leaves before this one brought with them must be there."""
    award_parts.check_owed(step)
    if not _belongs_to_last(step):
        tiers.close(step)
    tiers.check_owed(step)
    challenges.check_owed(step)
    referrals.check_owed(step)
    refunds.check_payment(step)
    vouchers.check_owed(step)
    payments.check_owed(step)


def _check_times(step: Step) -> None:
    """Nothing is recorded after its block, before the leaf in front of it, or before it happened."""
    leaf, account = step.leaf, step.account
    settled_at = instant_at(leaf.settled_at)
    if leaf.recorded_at > settled_at + CLOCKS:
        expected, found = f"≤ {lots.said(settled_at)}", lots.said(leaf.recorded_at)
        step.differs("history", "a leaf was settled before it was recorded", expected=expected, found=found)
    if leaf.occurred_at > leaf.recorded_at + CLOCKS:
        expected, found = f"≤ {lots.said(leaf.recorded_at)}", lots.said(leaf.occurred_at)
        step.differs("history", "something was recorded before it happened", expected=expected, found=found)
    last = account.last_recorded_at
    if last is not None and leaf.recorded_at < last - CLOCKS:
        expected, found = f"≥ {lots.said(last)}", lots.said(leaf.recorded_at)
        step.differs("history", "a leaf was recorded before the one in front of it", expected=expected, found=found)
    account.last_recorded_at = leaf.recorded_at if last is None else max(last, leaf.recorded_at)


def _belongs_to_last(step: Step) -> bool:
    """Whether the leaf is still part of the purchase or refund in front of it: a debt paid, an expiry on the way."""
    closing, leaf = step.account.closing, step.leaf
    if closing is None or leaf.recorded_at != closing.recorded_at:
        return False
    comes_along = leaf.entry_kind == EntryKind.MOVE_IN and leaf.operation == "merge"
    return leaf.kind == "expiry" or comes_along or leaf.detail.get("pays_debt") is True


def _check_rules(step: Step) -> None:
    """What happens when it is recorded is decided by the rules in force then.

    A purchase has those of its day (awards.py), and what takes something back those of what it takes back (refunds.py).
    """
    leaf = step.leaf
    if leaf.operation in _RULES_OF_OTHERS or leaf.detail.get("pays_debt") is True:
        return
    if leaf.kind in _AT_ONCE and leaf.occurred_at != leaf.recorded_at:
        expected, found = lots.said(leaf.recorded_at), lots.said(leaf.occurred_at)
        step.differs("decisions", "this happens when it is recorded", expected=expected, found=found)
    step.check_decided_by(leaf.recorded_at)


def _beside(leaves: BatchReceipts, openings: BatchReceipts) -> list[FiledLeaf]:
    """The leaves of the receipts with the openings of another source, by index."""
    found = {filed.leaf.index: filed for filed in openings.leaves}
    shown = []
    for filed in leaves.leaves:
        other = found.get(filed.leaf.index) or FiledLeaf(filed.leaf, closed="withheld")
        shown.append(FiledLeaf(filed.leaf, other.id, opening=other.opening, closed=other.closed))
    return shown


def _kept(leaf: OpenedLeaf) -> Waiting:
    return Waiting(**{name: getattr(leaf, name) for name in Waiting.__dataclass_fields__})


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
