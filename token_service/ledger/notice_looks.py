"""What members are told ahead of time: a level, points or a membership that end. `members.notice_due_at` says when to look: no
later than the first thing there may be to tell. Whatever could bring that nearer brings the date nearer (tiers.py,
stored_lots.py, membership_rows.py); what puts it off, as most purchases do, leaves it alone, and the look finds the next one.

A chunk of members is read with a query for each kind of row, so that a look costs no more among a million. What was told is
not told again: the rows say so, and their key keeps two from being written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, literal_column, select

from token_service.ledger import direct, membership_rows, tables
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.context import Context
from token_service.ledger.details import instant
from token_service.ledger.direct import Change
from token_service.ledger.due_members import next_by_date
from token_service.ledger.notice_tables import notices
from token_service.ledger.notices import tell
from token_service.ledger.purchase_facts import history, read_histories
from token_service.ledger.stored_lots import LONG_AGO, consumption_time, open_lots, read_open
from token_service.ledger.text_lines import lines_of
from token_service.ledger.tiers import review_if_due
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.views import DueReport
from token_service.program.notices import (
    DOWNGRADE_AHEAD,
    ENDING,
    EXPIRING,
    WILL_DOWNGRADE,
    OpenPoints,
    ending_now,
    expiring_now,
    expiry_told_at,
    may_be_lost,
)
from token_service.program.ruleset import Ruleset
from token_service.program.tier_outlook import Downgrade, downgrade_by

LATER: Final = timedelta(days=1)
"""When to look again at points that a hold keeps from being told."""
STANDS: Final = DOWNGRADE_AHEAD + LATER
"""Nothing that was told longer ago is still ahead."""
_members, _notices = tables.members.c, notices.c
_OF_ONE: Final = (
    select(lines_of(_notices.kind + literal_column("' '") + _notices.cause))
    .where(_notices.member_id == _members.id, _notices.created_at > bindparam("since"))
    .scalar_subquery()
)
_NEXT: Final = Change(tables.members, "id", ("notice_due_at",))
_TOLD: Final = select(_members.id, _OF_ONE.label("told")).where(among(_members.id, "member_ids"))
"""A line for each notice. Member by member: for all at once PostgreSQL walks through the whole table until it has statistics."""


@dataclass(frozen=True, slots=True)
class _Told:
    """Causes of what a member was told and that may still be ahead, by kind."""

    causes: dict[str, set[str]]

    def of(self, kind: str) -> set[str]:
        return self.causes.get(kind, set())


def tell_ahead(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """One chunk of members behind `place` at whom it is time to look."""

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        ids, behind = next_by_date(tx, _members.notice_due_at, tx.now, place)
        accounts = [account for member_id in ids if _is_due(tx, account := tx.account(member_id))]
        told = _read(tx, accounts)
        for account in accounts:
            account.notice_due_at = _look(tx, account, told[account.id])
        rows = [{"of": account.id, "new_notice_due_at": account.notice_due_at} for account in accounts]
        direct.change_each(tx.connection, _NEXT, rows)
        count = sum(notice.kind in (WILL_DOWNGRADE, EXPIRING, ENDING) for notice in tx.staged.notices)
        return replace(report, notices_told=report.notices_told + count), behind

    return write(context, work)


def next_look_at(tx: Transaction) -> datetime | None:
    """When to look at the next member."""
    query = select(_members.notice_due_at).where(_members.notice_due_at.is_not(None), _members.frozen.is_(False))
    return tx.connection.execute(query.order_by(_members.notice_due_at).limit(1)).scalar_one_or_none()


def _is_due(tx: Transaction, account: Account) -> bool:
    """Still, now that the member is locked."""
    return account.notice_due_at is not None and account.notice_due_at <= tx.now and not account.frozen


def _read(tx: Transaction, accounts: Sequence[Account]) -> dict[str, _Told]:
    """All that the looks at these members ask, by member what they were told."""
    found = {account.id: _Told({}) for account in accounts}
    if not accounts:
        return found
    if tx.ruleset(tx.ruleset_hash_at(tx.now)).tiers is not None:
        read_histories(tx, accounts)
    read_open(tx, accounts)
    if tx.has_memberships:
        membership_rows.read_many(tx, accounts)
    asked: dict[str, Any] = {"member_ids": list(found), "since": tx.now - STANDS}
    for member_id, told in direct.ask(tx.connection, _TOLD, asked):
        for line in (told or "").splitlines():
            kind, _, cause = line.partition(" ")
            found[member_id].causes.setdefault(kind, set()).add(cause)
    return found


def _look(tx: Transaction, account: Account, told: _Told) -> datetime | None:
    """Says what there is to tell. When to look again."""
    if account.state == "closed":  # nobody writes to it; leaving.set_state has it looked at when it is opened again
        return None
    review_if_due(tx, account)
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    found = (_level(tx, account, ruleset, told), _points(tx, account, ruleset, told), _memberships(tx, account, told))
    return min((at for at in found if at is not None), default=None)


def _level(tx: Transaction, account: Account, ruleset: Ruleset, told: _Told) -> datetime | None:
    """Says that the level ends, unless an earlier notice still says so, or other rules come first. When to look again."""
    if not may_be_lost(ruleset, account.tier):
        return None
    entries = history(tx, account).values()
    ahead, at = downgrade_by(ruleset, entries, tx.now, tx.now + DOWNGRADE_AHEAD, held=account.tier)
    if ahead is None:
        return None if at is None else at - DOWNGRADE_AHEAD
    if tx.next_rules_at is not None and tx.next_rules_at <= ahead.at:
        return tx.next_rules_at
    if not _stands(tx, account, told, ahead):
        cause = f"{account.tier}:{instant(ahead.at)}"
        said = {"from": account.tier, "to": ahead.to, "at": instant(ahead.at), "missing": ahead.missing}
        by = None if ruleset.tiers is None else ruleset.tiers.qualify_by
        tell(tx, account.id, WILL_DOWNGRADE, cause=cause, data=said | {"qualify_by": by})
    return ahead.at


def _stands(tx: Transaction, account: Account, told: _Told, ahead: Downgrade) -> bool:
    """Whether the member was told that this level ends, by then at the latest: who buys on the way is not told a new date each
    time, but when the date that was told has come.
    """
    for cause in told.of(WILL_DOWNGRADE):
        level, _, at = cause.partition(":")
        if level == account.tier and tx.now < datetime.fromisoformat(at) <= ahead.at:
            return True
    return False


def _points(tx: Transaction, account: Account, ruleset: Ruleset, told: _Told) -> datetime | None:
    """Says what expires soon of points that we keep. When to look again."""
    if account.state != "active":  # leaving.set_state has them looked at when they come back
        return None
    if consumption_time(tx) is LONG_AGO:
        return tx.program.sunset_at  # type: ignore[no-any-return]
    free = [OpenPoints(lot.left, lot.issued_at, lot.expires_at) for lot in open_lots(tx, account) if lot.expires_at]
    found, later = expiring_now(free, told.of(EXPIRING), tx.now, ruleset.program.time_zone)
    for one in found:
        said = {"points": one.points, "on": one.date, "at": instant(one.at)}
        tell(tx, account.id, EXPIRING, cause=one.date, data=said)
    held = [stored.lot for stored in account.lots.values() if stored.held]
    later_still = [
        max(expiry_told_at(lot.issued_at, lot.expires_at), tx.now + LATER)
        for lot in held
        if lot.expires_at and lot.expires_at > tx.now
    ]
    return min((at for at in (later, *later_still) if at is not None), default=None)


def _memberships(tx: Transaction, account: Account, told: _Told) -> datetime | None:
    """Says which membership ends, as far as it is paid. When to look again."""
    if not tx.has_memberships:
        return None
    found, later = ending_now(membership_rows.periods_of(tx, account).values(), tx.now)
    for one in found:
        cause = f"{one.membership}:{instant(one.at)}"
        if cause not in told.of(ENDING):
            said = {"membership": one.membership, "at": instant(one.at)}
            tell(tx, account.id, ENDING, cause=cause, data=said)
    return later
