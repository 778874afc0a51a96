"""One use case at work: a connection, one reading of the clock, the rows it read, the account it locked and what it
will append.

Locks: the member's row first (FOR UPDATE on PostgreSQL; SQLite's writer is alone), merchants' rows last, at the
flush. So every decision about a member's points is made by one transaction at a time, under READ COMMITTED as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, and_, or_, select

from token_service.errors import CallerError, InvariantBroken, NotFound, NotInitialised
from token_service.ledger import tables
from token_service.ledger.accounts import Account
from token_service.ledger.context import Context
from token_service.ledger.staged import Staged
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.ruleset_lines import FIRST_EFFECTIVE_AT, Published, in_force

Result = TypeVar("Result")

_parsed = lru_cache(maxsize=64)(parse_ruleset)
_ACCOUNT_COLUMNS = tuple(tables.members.c[item.name] for item in fields(Account) if item.name in tables.members.c)


class Transaction:
    """Reads now, appends at `flush`. A simulation never flushes."""

    def __init__(self, context: Context, connection: Connection, *, locks: bool = True) -> None:
        self.context = context
        self.connection = connection
        self.locks = locks
        self.now: datetime = context.now()
        self.staged = Staged()
        self.unknown_references: set[tuple[str, str, str]] = set()  # of a batch, looked up at once: not used yet
        self.known_members: dict[tuple[str, str], str] = {}  # (merchant, external id) → member, a batch's
        self.known_stores: dict[str, Row[Any]] = {}
        self.backlog_is_checked = False
        self.is_flushed = False
        self.charges: dict[str, int] = {}  # merchant → points to count against its ceiling
        self._accounts: dict[str, Account] = {}
        self._saved: dict[str, Account] | None = None
        self.merchants_by_party: dict[int, Row[Any]] = {}
        self._merchants: dict[str, Row[Any]] = {}
        self._rulesets: dict[str, Ruleset] = {}

    def new_id(self, prefix: str) -> str:
        return self.context.new_id(prefix)

    @cached_property
    def program(self) -> Row[Any]:
        """The programme's row. Raises NotInitialised before `mereau init`."""
        row = self.connection.execute(select(tables.program)).one_or_none()
        if row is None:
            raise NotInitialised("there is no programme here yet: run `mereau init`")
        return row

    # --- rulesets ---------------------------------------------------------------------------------------------------

    @cached_property
    def _published(self) -> list[Published]:
        """What the chain has published, and the first ruleset also before it has: nothing is decided by rules that the contract
        might refuse.
        """
        columns = tables.rulesets.c
        first = and_(columns.state != "draft", columns.effective_at == FIRST_EFFECTIVE_AT)
        query = select(columns.hash, columns.effective_at, columns.base_hash)
        rows = self.connection.execute(query.where(or_(columns.state == "published", first))).all()
        return [Published(row.hash, row.effective_at, row.base_hash) for row in rows]

    def ruleset_hash_at(self, at: datetime) -> str:
        """The hash of the ruleset in force at an instant."""
        found = in_force(self._published, at)
        if found is None:
            raise NotInitialised("no ruleset is in force yet")
        return found

    @cached_property
    def next_rules_at(self) -> datetime | None:
        """The next instant at which other rules come into force; None while none are published."""
        return min((one.effective_at for one in self._published if one.effective_at > self.now), default=None)

    def ruleset(self, ruleset_hash: str) -> Ruleset:
        """The version of that hash."""
        known = self._rulesets.get(ruleset_hash)
        if known is None:
            query = select(tables.rulesets.c.document).where(tables.rulesets.c.hash == ruleset_hash)
            known = self._rulesets[ruleset_hash] = _parsed(self.connection.execute(query).scalar_one())
        return known

    @cached_property
    def does_activity_prolong(self) -> bool:
        """Whether any version ever published moves the dates of lots when a member is active."""
        expiries = (self.ruleset(one.hash).expiry for one in self._published)
        return any(expiry is not None and expiry.kind == "inactivity" for expiry in expiries)

    # --- merchants ---------------------------------------------------------------------------------------------------

    def merchant(self, merchant_id: str) -> Row[Any]:
        """A merchant's row. Raises NotFound."""
        row = self._merchants.get(merchant_id)
        if row is None:
            row = self.connection.execute(
                select(tables.merchants).where(tables.merchants.c.id == merchant_id)
            ).one_or_none()
            if row is None:
                raise NotFound("no such merchant")
            self._merchants[merchant_id] = row
            self.merchants_by_party[row.party] = row
        return row

    @cached_property
    def own_merchant(self) -> Row[Any]:
        """The programme's own row among the merchants (party 1)."""
        return self.connection.execute(select(tables.merchants).where(tables.merchants.c.party == 1)).one()

    # --- accounts ----------------------------------------------------------------------------------------------------

    def account(self, member_id: str) -> Account:
        """The member's account, locked and remembered. Raises NotFound."""
        if member_id not in self._accounts:
            self.lock_accounts([member_id])
        account = self._accounts.get(member_id)
        if account is None:
            raise NotFound("no such member")
        if self._saved is not None and member_id not in self._saved:
            self._saved[member_id] = account.snapshot()
        return account

    def lock_accounts(self, member_ids: Iterable[str]) -> None:
        """Locks several members in one order for all, so that two transactions never wait for each other."""
        members = tables.members.c
        wanted = sorted(set(member_ids) - self._accounts.keys())
        for start in range(0, len(wanted), 500):
            query = select(*_ACCOUNT_COLUMNS).where(members.id.in_(wanted[start : start + 500])).order_by(members.id)
            for row in self.connection.execute(query.with_for_update(key_share=True) if self.locks else query):
                self._accounts[row.id] = Account(**row._mapping)

    def accounts(self) -> Iterable[Account]:
        """Every account that this transaction has locked."""
        return self._accounts.values()

    def member_of(self, merchant_id: str | None, *, member_id: str | None, external_id: str | None) -> Account:
        """The account of a member that the merchant may see (None: any). Raises NotFound."""
        if member_id is not None and merchant_id is None:
            return self.account(member_id)
        links = tables.member_merchants.c
        query: Select[str] = select(links.member_id).where(links.merchant_id == merchant_id)
        query = query.where(or_(links.member_id == member_id, links.external_id == external_id))
        found = self.connection.execute(query).scalars().all()
        if len(found) != 1:
            raise NotFound("no such member")
        return self.account(found[0])

    def look_up_members(self, merchant_id: str, external_ids: list[str]) -> None:
        """Reads at once which members of a merchant a batch names."""
        links = tables.member_merchants.c
        query = select(links.external_id, links.member_id).where(links.merchant_id == merchant_id)
        for row in self.connection.execute(query.where(links.external_id.in_(external_ids))):
            self.known_members[merchant_id, row.external_id] = row.member_id

    # --- parts of a batch --------------------------------------------------------------------------------------------

    def attempt(self, work: Callable[[], Result]) -> Result | CallerError:
        """What `work` answers, or its refusal with nothing staged and the accounts as they were."""
        mark, charges = self.staged.mark(), dict(self.charges)
        self._saved = {}
        try:
            return work()
        except CallerError as refusal:
            self.staged.cut(mark)
            self.charges = charges
            self._accounts |= self._saved
            return refusal
        finally:
            self._saved = None

    def flush(self) -> None:
        """Writes everything staged and every changed figure, once; after it a use case only reads for its answer."""
        from token_service.ledger.flushing import flush

        if not self.is_flushed:
            flush(self)
            self.is_flushed = True


def write(context: Context, work: Callable[[Transaction], Result]) -> Result:
    """What `work` answers, with everything it staged written in one database transaction; repeated on a deadlock."""

    def run(connection: Connection) -> Result:
        transaction = Transaction(context, connection)
        answer = work(transaction)
        transaction.flush()
        return answer

    return context.store.transact(run)


def read(context: Context, work: Callable[[Transaction], Result]) -> Result:
    """What `work` answers from one snapshot; nothing is written."""
    with context.store.read() as connection:
        transaction = Transaction(context, connection, locks=False)
        answer = work(transaction)
        if transaction.staged.mark() != Staged().mark():
            raise InvariantBroken("a reading use case staged something to write")
        return answer


def simulate(context: Context, work: Callable[[Transaction], Result]) -> Result:
    """What `work` would answer; nothing is written and nobody waits."""
    with context.store.read() as connection:
        return work(Transaction(context, connection, locks=False))
