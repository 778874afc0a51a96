"""A member takes their points to a wallet of their own, and brings them back (DESIGN §3.8).

Leaving is signed by the new wallet; when all entries so far are final the member's key here signs as well, once, and the points
are bound to the new address. Coming back is signed by the member's own wallet alone, to a fresh address of ours.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from token_service.errors import Conflict, InvalidInput
from token_service.ledger import checks, operations, stored_lots, tables, views
from token_service.ledger.accounts import Account
from token_service.ledger.awards import pay_debts
from token_service.ledger.context import Actor, Context
from token_service.ledger.mandate_views import mandate_view
from token_service.ledger.notices import look_by
from token_service.ledger.own_wallets import UNDER_WAY, nonce_of
from token_service.ledger.posting import fact
from token_service.ledger.promising import contract_of
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.transaction import Transaction, write
from token_service.ledger.wallet_tables import mandates
from token_service.program.expiry import expires_at
from token_service.protocol.hashing import ZERO_ADDRESS, checksum_address

LOST: Final = "a backup was restored"
VALID_FOR: Final = timedelta(hours=24)
"""How long a leave or a return may take, from the request to the block that holds it."""


def ask_to_leave(context: Context, actor: Actor, member_id: str, address: str) -> views.Mandate:
    """The mandate to sign with the wallet at `address`. An open one that nobody signed makes room for it.

    For the member, or an admin at their wish. Raises NotFound, InvalidInput (address), Conflict while a leave or return is under
    way, MemberFrozen, MemberLeaving when the points have left already.
    """

    def work(tx: Transaction) -> views.Mandate:
        account = asking(tx, actor, member_id)
        operations.check_spending(account)
        check_nothing_held(account)
        to_address = _free_address(tx, account, address)
        row = {"to_address": to_address, "expires_at": date_of_expiry(tx, account)}
        return open_mandate(tx, actor, account, "leave", row)

    return write(context, work)


def ask_to_return(context: Context, actor: Actor, member_id: str) -> views.Mandate:
    """The mandate to sign with the wallet that holds the points: they come to a fresh address here. Raises NotFound, Conflict
    when the points are here, or a leave or return is under way.
    """

    def work(tx: Transaction) -> views.Mandate:
        account = asking(tx, actor, member_id)
        if account.state != "left":
            raise Conflict("the member's points are not in a wallet of their own")
        fresh = context.new_account()
        row = {"to_address": fresh.address, "sealed_key": fresh.sealed_key}
        return open_mandate(tx, actor, account, "return", row)

    return write(context, work)


def check_nothing_held(account: Account) -> None:
    """Raises Conflict while some of the points are set aside: they could not be captured any more."""
    if account.held:
        raise Conflict("some of the member's points are held for a purchase: leave when that has ended")


def date_of_expiry(tx: Transaction, account: Account) -> int:
    """From when on points may expire in the member's own wallet, unix seconds: when the last of today's would here; 0 = never."""
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    dates: list[datetime | None] = [lot.expires_at for lot in stored_lots.open_lots(tx, account)]
    dates.append(expires_at(ruleset, tx.now, account.last_activity_at))
    return max((int(date.timestamp()) for date in dates if date is not None), default=0)


def open_mandate(tx: Transaction, actor: Actor, account: Account, kind: str, more: dict[str, Any]) -> views.Mandate:
    """Makes the mandate of a leave or return. Raises Conflict while another one is under way."""
    columns = mandates.c
    mine = (columns.member_id == account.id) & (columns.kind != "redemption")
    if tx.connection.execute(select(columns.id).where(mine, columns.state.in_(UNDER_WAY))).first() is not None:
        raise Conflict("the member's points are on their way already")
    unsigned = update(mandates).where(mine, columns.state == "unsigned")
    tx.connection.execute(unsigned.values(state="cancelled", ended_at=tx.now))
    row = {
        "id": tx.new_id("man"),
        "kind": kind,
        "state": "unsigned",
        "member_id": account.id,
        "actor": actor.name,
        "from_address": account.address,
        "nonce": nonce_of(tx, account.address),
        "deadline": int((tx.now + VALID_FOR).timestamp()),
        "created_at": tx.now,
    }
    tx.connection.execute(insert(mandates).values(**(row | more)))
    return mandate_view(tx, tx.connection.execute(select(mandates).where(columns.id == row["id"])).one())


def begin(tx: Transaction, account: Account, row: Row[Any], signature: str | None) -> None:
    """The mandate is signed: from here on nothing is spent, and later leaves wait until it has ended."""
    more = {"mandate": row.id, "move": row.kind, "to": row.to_address}
    fact(tx, account, "leaving", operation=None, more=more)
    set_state(tx, account, "leaving")
    tx.flush()
    newest = select(func.max(leaves.c.seq)).where(leaves.c.member_id == account.id).scalar_subquery()
    signed = update(mandates).where(mandates.c.id == row.id)
    tx.connection.execute(signed.values(state="waiting", signature=signature, after_seq=newest))


def stay(tx: Transaction, account: Account, row: Row[Any], because: str, *, state: str = "failed") -> None:
    """The leave or return has ended without effect: the member is as before, and what waited goes on."""
    was = "active" if row.kind == "leave" else "left"
    kind = "stays" if row.kind == "leave" else "stays_away"
    fact(tx, account, kind, operation=None, more={"mandate": row.id, "because": because})
    set_state(tx, account, was)
    pay_debts(tx, account)
    ended = update(mandates).where(mandates.c.id == row.id)
    tx.connection.execute(ended.values(state=state, because=because, ended_at=tx.now))


def stay_without_mandate(tx: Transaction, account: Account) -> None:
    """As `stay`, for a member whose mandate was lost with a newer ledger."""
    query = select(tables.facts.c.detail).where(
        tables.facts.c.member_id == account.id, tables.facts.c.kind == "leaving"
    )
    last = json.loads(tx.connection.execute(query.order_by(tables.facts.c.seq.desc()).limit(1)).scalar_one())
    is_away = last["move"] == "return"
    more = {"mandate": last["mandate"], "because": LOST}
    fact(tx, account, "stays_away" if is_away else "stays", operation=None, more=more)
    set_state(tx, account, "left" if is_away else "active")
    pay_debts(tx, account)


def without_mandate(connection: Connection) -> list[str]:
    """Members on their way whose mandate nobody has. Looks at every member: for a repair, not for every pass."""
    under_way = exists().where(mandates.c.member_id == tables.members.c.id, mandates.c.state.in_(UNDER_WAY))
    query = select(tables.members.c.id).where(tables.members.c.state == "leaving", ~under_way)
    return list(connection.execute(query.order_by(tables.members.c.id)).scalars())


def set_state(tx: Transaction, account: Account, state: str) -> None:
    """Who keeps the member's points from here on."""
    account.state = state
    values: dict[str, Any] = {"state": state}
    if state == "active":  # nobody looked meanwhile what there is to tell of the points
        look_by(account, tx.now)
        values["notice_due_at"] = account.notice_due_at
    tx.connection.execute(update(tables.members).where(tables.members.c.id == account.id).values(**values))


def has_own_key(tx: Transaction, member_id: str) -> bool:
    """Whether the key of the member's address is the member's and not ours."""
    query = select(tables.member_keys.c.member_id).where(tables.member_keys.c.member_id == member_id)
    return tx.connection.execute(query).first() is None


def asking(tx: Transaction, actor: Actor, member_id: str) -> Account:
    """The member's account, for the member or an admin: a merchant could take the points for itself."""
    if actor.member_id != member_id:
        actor.need_admin()
    return tx.account(member_id)


def _free_address(tx: Transaction, account: Account, address: str) -> str:
    """The address in its one form. Raises InvalidInput for one that cannot hold the member's points."""
    try:
        found = checksum_address(address.strip())
    except InvalidInput as error:
        raise checks.wrong("/address", error.detail) from error
    digits = address.strip()[2:]
    if digits not in (digits.lower(), digits.upper(), found[2:]):
        raise checks.wrong("/address", "one of the letters is wrong: the capitals do not fit (EIP-55)")
    if found == account.address:
        if not has_own_key(tx, account.id):
            raise checks.wrong("/address", "this is the address that we keep: export its key instead")
        return found
    if has_own_key(tx, account.id):
        raise checks.wrong("/address", f"only {account.address} itself can sign for these points: name that one")
    if found in (ZERO_ADDRESS, checksum_address(contract_of(tx))):
        raise checks.wrong("/address", "nobody has the key of this address")
    query = select(tables.members.c.id).where(tables.members.c.address == found)
    if tx.connection.execute(query).first() is not None:
        raise checks.wrong("/address", "this address is another member's")
    return found
