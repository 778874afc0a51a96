"""Vouchers that nobody used in time end: a fact says so, and the points come back where the rules under which it was bought say
that (docs/rulesets.md "Vouchers with an end"). A piece that was taken of the stock comes back either way: nobody got it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, select, update

from token_service.ledger import details, operations, tables
from token_service.ledger.accounts import Account
from token_service.ledger.context import Context
from token_service.ledger.due_members import CHUNK
from token_service.ledger.moving_on import move_on
from token_service.ledger.posting import fact
from token_service.ledger.redemptions import give_back
from token_service.ledger.staff_tables import vouchers
from token_service.ledger.staged import Operation
from token_service.ledger.stock import put_piece_back
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.views import DueReport
from token_service.ledger.voucher_rows import EXPIRED, IS_OPEN
from token_service.program.rewards import find_reward
from token_service.program.voucher_ends import GIVE_BACK

REFERENCE: Final = "voucher-expired"
"""What the restoration of an ended voucher's points is called, before the voucher's id."""
_vouchers, _heirs = vouchers.c, tables.members.alias("heirs")


def end_vouchers(context: Context, report: DueReport, place: str) -> tuple[DueReport, str | None]:
    """One chunk of vouchers behind `place` whose time is over. Those of frozen members wait, and all do while nothing can be
    given back: in a pause, or when too much waits for settlement. None of them buys anything meanwhile.
    """

    def work(tx: Transaction) -> tuple[DueReport, str | None]:
        due = _waiting().where(_vouchers.expires_at <= tx.now, _vouchers.id > place).order_by(_vouchers.id).limit(CHUNK)
        rows = [] if tx.program.paused else tx.connection.execute(due).all()
        if not rows:
            return report, None
        tx.lock_accounts(row.member_id for row in rows)
        return _end_all(tx, report, [row.id for row in rows]), rows[-1].id

    return write(context, work)


def next_end_at(tx: Transaction) -> datetime | None:
    """When the next voucher ends; None while the programme pauses."""
    if tx.program.paused:
        return None
    query = _waiting().with_only_columns(_vouchers.expires_at).order_by(_vouchers.expires_at).limit(1)
    return tx.connection.execute(query).scalar_one_or_none()


def _waiting() -> Select[Any]:
    """Open vouchers with an end, but for those of frozen members."""
    members = tables.members.c
    query = select(vouchers).join(tables.members, members.id == _vouchers.member_id)
    query = query.outerjoin(_heirs, _heirs.c.id == members.merged_into)
    return query.where(
        IS_OPEN, _vouchers.expires_at.is_not(None), members.frozen.is_(False), _heirs.c.frozen.is_not(True)
    )


def _end_all(tx: Transaction, report: DueReport, ids: list[str]) -> DueReport:
    """Ends those that are still open now that their members are locked."""
    query = select(vouchers).where(IS_OPEN, _vouchers.id.in_(ids)).order_by(_vouchers.id)
    rows = tx.connection.execute(query).all()
    bought = operations.loaded(tx, [row.operation_id for row in rows])
    ended, payers = 0, {}
    for row in rows:
        account = tx.account(row.member_id)
        heir = tx.heir(account)
        if account.frozen or heir.frozen or heir.state == "leaving":  # on the way nothing can come to them
            continue
        _end(tx, account, row, bought[row.operation_id])
        ended += 1
        if heir is not account:
            payers[account.id] = account
    if payers:
        move_on(tx, *payers.values())
    tx.flush()
    return replace(report, vouchers_expired=report.vouchers_expired + ended)


def _end(tx: Transaction, account: Account, row: Row[Any], bought: Operation) -> None:
    reward = find_reward(tx.ruleset(bought.ruleset_hash), row.reward_id)
    more: Mapping[str, object] = {
        "of": bought.id,
        "voucher": row.id,
        "reward": row.reward_id,
        "expires_at": details.instant(row.expires_at),
        "on_expiry": reward.on_expiry,
    }
    fact(tx, account, EXPIRED, operation=None, more=more)
    tx.connection.execute(update(vouchers).where(_vouchers.id == row.id).values(expired_at=tx.now))
    if bought.kind != "redemption":  # a challenge gave it: no points, and no piece of the stock
        return
    put_piece_back(tx, row.reward_id)
    if reward.on_expiry == GIVE_BACK:
        named = {"reference": f"{REFERENCE}/{row.id}", "content_hash": operations.content_hash({"of": bought.id})}
        reason = "the voucher was not used in time"
        give_back(tx, bought, (), bought.facts["points"], named, reason=reason, actor_name="service")
