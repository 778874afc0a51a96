"""What joining brought a member, and saying later who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from token_service.errors import CallerError
from token_service.ledger import contacts, operations, tables
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.own_events import recording
from token_service.ledger.point_views import BreakdownLine
from token_service.ledger.transaction import Transaction, read
from token_service.program.events import JOINED


@dataclass(frozen=True, slots=True)
class Welcome:
    """`state`: given, nothing (the breakdown says why), or waiting until somebody says who the member is."""

    state: str
    points: int
    breakdown: tuple[BreakdownLine, ...] = ()


def welcome_of(tx: Transaction, member_id: str) -> Welcome | None:
    """What it brought; None where no rule was for joining, or nothing could be issued then."""
    return welcomes_of(tx, [member_id]).get(member_id)


def welcomes_of(tx: Transaction, member_ids: Sequence[str]) -> dict[str, Welcome]:
    """The same of many, with as many queries as for one."""
    found = dict.fromkeys(contacts.waiting_among(tx, member_ids), Welcome("waiting", 0))
    done = tables.operations.c
    query = select(done.reference, done.result).where(
        done.merchant_id == tx.own_merchant.id, done.kind == "event", among(done.reference, "references")
    )
    names = {_reference(member_id): member_id for member_id in member_ids}
    for row in tx.connection.execute(query, {"references": list(names)}):
        points = int(row.result["points"])
        lines = tuple(BreakdownLine(**line) for line in row.result["breakdown"])
        found[names[row.reference]] = Welcome("given" if points else "nothing", points, lines)
    return found


def get_welcome(context: Context, actor: Actor, member_id: str) -> Welcome | None:
    """As `welcome_of`. Raises NotFound."""
    return read(context, lambda tx: welcome_of(tx, visible_account(tx, actor, member_id).id))


def give_waiting(tx: Transaction, account: Account) -> None:
    """Records the welcome that waited until it is known who this locked member is, if one did and the account may have it."""
    waits = bool(contacts.waiting_among(tx, [account.id]))
    if not waits or account.frozen or account.state == "closed":
        return
    work = recording(tx, account, JOINED, _reference(account.id))
    # A ledger that was restored and repaired has the event and may have lost that it waits no more.
    is_there = operations.exists(tx, tx.own_merchant.id, "event", _reference(account.id))
    if is_there or not isinstance(tx.attempt(work), CallerError):
        contacts.wait_no_more(tx, account.id)
    tx.flush()


def _reference(member_id: str) -> str:
    return f"{JOINED}/{member_id}"
