"""One use case at work: a connection, one reading of the clock, the rows it read, the account it locked and what it
will append.

Locks: the member's row first (FOR UPDATE on PostgreSQL; SQLite's writer is alone), merchants' rows last, at the
flush. So every decision about a member's points is made by one transaction at a time, under READ COMMITTED as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, Select, and_, bindparam, or_, select

from token_service.errors import CallerError, InvariantBroken, NotFound, NotInitialised
from token_service.ledger import direct, tables
from token_service.ledger.accounts import Account
from token_service.ledger.among import among
from token_service.ledger.context import Context
from token_service.ledger.lane_choice import open_lanes
from token_service.ledger.noting_refusals import NOTED, Asked, note
from token_service.ledger.staged import Staged
from token_service.program.ruleset import Ruleset, parse_ruleset
from token_service.program.ruleset_lines import FIRST_EFFECTIVE_AT, Published, in_force
from token_service.units import PROGRAM_PARTY

Result = TypeVar("Result")

_PARSED_MAX: Final = 64
_parsed: dict[str, Ruleset] = {}
"""Rulesets by hash, parsed by this process: a hash names one text for ever."""
_members, _links, _rules = tables.members.c, tables.member_merchants.c, tables.rulesets.c
_ACCOUNT: Final = select(*(_members[item.name] for item in fields(Account) if item.name in _members))
"""The columns of an account in the order of its fields."""


def _both(query: Select[Any]) -> dict[bool, Select[Any]]:
    """The query of accounts as it is, and one that locks them."""
    return {False: query, True: query.with_for_update(key_share=True, of=tables.members)}


_BY_ID: Final = _both(_ACCOUNT.where(_members.id == bindparam("member_id")))
_BY_IDS: Final = _both(_ACCOUNT.where(among(_members.id, "ids")).order_by(_members.id))
_HEIR: Final = select(_members.merged_into).where(_members.id == bindparam("member_id"))
_MERCHANT: Final = select(tables.merchants).where(tables.merchants.c.id == bindparam("merchant_id"))
_OWN_MERCHANT: Final = select(tables.merchants).where(tables.merchants.c.party == PROGRAM_PARTY)
_DOCUMENT: Final = select(_rules.document).where(_rules.hash == bindparam("hash"))
_PUBLISHED: Final = or_(
    _rules.state == "published", and_(_rules.state != "draft", _rules.effective_at == FIRST_EFFECTIVE_AT)
)
"""What the chain has published, and the first ruleset also before it has: nothing is decided by rules that the contract
might refuse.
"""
_FRAME_COLUMNS: Final = (*tables.program.c, _rules.hash.label("ruleset_hash"), _rules.effective_at, _rules.base_hash)
_FRAMED: Final = tables.program.outerjoin(tables.rulesets, _PUBLISHED)
_FRAME: Final = select(*_FRAME_COLUMNS).select_from(_FRAMED)
_FIRST: Final = (
    select(*_FRAME_COLUMNS, *tables.merchants.c, *_ACCOUNT.selected_columns)
    .select_from(_FRAMED.join(tables.merchants, tables.merchants.c.id == bindparam("merchant_id")))
    .join(tables.member_merchants, _links.merchant_id == tables.merchants.c.id)
    .join(tables.members, _members.id == _links.member_id)
)
"""What a merchant's use case asks of one of its members: programme and rules, the merchant, the member."""
_FIRST_BY_ID: Final = _both(_FIRST.where(_links.member_id == bindparam("member_id")))
_FIRST_BY_NAME: Final = _both(_FIRST.where(_links.external_id == bindparam("external_id")))
_FrameRow: Final = direct.row_class(_FRAME_COLUMNS)
_MerchantRow: Final = direct.row_class(tables.merchants.c)
_MEMBERS_NAMED: Final = select(_links.external_id, _links.member_id).where(
    _links.merchant_id == bindparam("merchant_id"), among(_links.external_id, "external_ids")
)


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
        self.written_leaves: dict[str, Mapping[str, Any]] = {}  # by id, after the flush
        self.entries_on_chain: set[str] = set()  # staged ones that the member made there
        self.wallet_rows: list[dict[str, Any]] = []  # of wallet_events, for a repair to insert behind the entries
        self.charges: dict[str, int] = {}  # merchant → points to count against its ceiling
        self.points_before: dict[str, int] = {}  # merchant → what others issued in its window, if summed
        self.campaign_points: dict[str, int] = {}  # campaign → points to count against its budget
        self.campaign_used: dict[str, int] = {}  # as read, and locked
        self._accounts: dict[str, Account] = {}
        self._saved: dict[str, Account] | None = None
        self.merchants_by_party: dict[int, Any] = {}
        self._merchants: dict[str, Any] = {}

    def new_id(self, prefix: str) -> str:
        return self.context.new_id(prefix)

    @cached_property
    def _frame(self) -> Sequence[Any]:
        """The programme's row, once beside each published ruleset."""
        rows = direct.ask(self.connection, _FRAME, {})
        if not rows:
            raise NotInitialised("there is no programme here yet: run `mereau init`")
        return rows

    @property
    def program(self) -> Any:
        """The programme's row. Raises NotInitialised before `mereau init`."""
        return self._frame[0]

    # --- rulesets ---------------------------------------------------------------------------------------------------

    @cached_property
    def _published(self) -> list[Published]:
        return [
            Published(row.ruleset_hash, row.effective_at, row.base_hash)
            for row in self._frame
            if row.ruleset_hash is not None
        ]

    def ruleset_hash_at(self, at: datetime) -> str:
        """The hash of the ruleset in force at an instant."""
        return self._hash_now if at is self.now else self._hash_at(at)

    @cached_property
    def _hash_now(self) -> str:
        return self._hash_at(self.now)

    def _hash_at(self, at: datetime) -> str:
        found = in_force(self._published, at)
        if found is None:
            raise NotInitialised("no ruleset is in force yet")
        return found

    @cached_property
    def next_rules_at(self) -> datetime | None:
        """The next instant at which other rules come into force; None while none are published."""
        return min((one.effective_at for one in self._published if one.effective_at > self.now), default=None)

    @cached_property
    def rules_since(self) -> datetime:
        """When the rules of now came into force."""
        return max(one.effective_at for one in self._published if one.effective_at <= self.now)

    def rules_ahead(self) -> tuple[tuple[datetime, str], ...]:
        """Each later instant at which other rules come into force, with their hash, in order."""
        later = sorted({one.effective_at for one in self._published if one.effective_at > self.now})
        return tuple((at, self.ruleset_hash_at(at)) for at in later)

    def ruleset(self, ruleset_hash: str) -> Ruleset:
        """The version of that hash."""
        known = _parsed.get(ruleset_hash)
        if known is None:
            known = parse_ruleset(self.connection.execute(_DOCUMENT, {"hash": ruleset_hash}).scalar_one())
            if len(_parsed) >= _PARSED_MAX:
                _parsed.clear()
            _parsed[ruleset_hash] = known
        return known

    @cached_property
    def has_memberships(self) -> bool:
        """Whether any version ever published sells memberships."""
        return any(self.ruleset(one.hash).memberships for one in self._published)

    @cached_property
    def does_activity_prolong(self) -> bool:
        """Whether any version ever published moves the dates of lots when a member is active."""
        expiries = (self.ruleset(one.hash).expiry for one in self._published)
        return any(expiry is not None and expiry.kind == "inactivity" for expiry in expiries)

    # --- merchants ---------------------------------------------------------------------------------------------------

    def merchant(self, merchant_id: str) -> Any:
        """A merchant's row. Raises NotFound."""
        row = self._merchants.get(merchant_id)
        if row is None:
            rows = direct.ask(self.connection, _MERCHANT, {"merchant_id": merchant_id})
            if not rows:
                raise NotFound("no such merchant")
            row = self._know_merchant(rows[0])
        return row

    def _know_merchant(self, row: Any) -> Any:
        self._merchants[row.id] = self.merchants_by_party[row.party] = row
        return row

    @cached_property
    def own_merchant(self) -> Row[Any]:
        """The programme's own row among the merchants (party 1)."""
        return self.connection.execute(_OWN_MERCHANT).one()

    @cached_property
    def open_lanes(self) -> dict[int, str]:
        """Operators by lane, of the lanes that take new members."""
        return open_lanes(self.connection)

    # --- accounts ----------------------------------------------------------------------------------------------------

    def account(self, member_id: str) -> Account:
        """The member's account, locked and remembered. Raises NotFound."""
        if member_id not in self._accounts:
            self._remember(direct.ask(self.connection, _BY_ID[self.locks], {"member_id": member_id}))
        account = self._accounts.get(member_id)
        if account is None:
            raise NotFound("no such member")
        if self._saved is not None and member_id not in self._saved:
            self._saved[member_id] = account.snapshot()
        return account

    def lock_accounts(self, member_ids: Iterable[str]) -> None:
        """Locks several members in one order for all, so that two transactions never wait for each other."""
        wanted = sorted(set(member_ids) - self._accounts.keys())
        if wanted:
            self._remember(direct.ask(self.connection, _BY_IDS[self.locks], {"ids": wanted}))

    def _remember(self, rows: Iterable[Sequence[Any]]) -> None:
        """Keeps accounts that were read; those that are remembered stay as they are."""
        for row in rows:
            self._accounts.setdefault(row[0], Account(*row))

    def accounts(self) -> Iterable[Account]:
        """Every account that this transaction has locked."""
        return self._accounts.values()

    def member_of(self, merchant_id: str | None, *, member_id: str | None, external_id: str | None) -> Account:
        """The account of a member that the merchant may see (None: any), or the one that it became part of. Raises NotFound."""
        if member_id is not None and merchant_id is None:
            return self.heir(self.account(member_id))
        asked = {"merchant_id": merchant_id, "member_id": member_id, "external_id": external_id}
        rows = direct.ask(self.connection, (_FIRST_BY_NAME if member_id is None else _FIRST_BY_ID)[self.locks], asked)
        if not rows and merchant_id is not None:
            self.merchant(merchant_id)
        if not rows and member_id is not None:
            heir = self.connection.execute(_HEIR, {"member_id": member_id}).scalar_one_or_none()
            if heir is not None:
                return self.member_of(merchant_id, member_id=heir, external_id=None)
        if not rows:
            raise NotFound("no such member")
        return self.heir(self.account(self._know_first(rows)))

    def _know_first(self, rows: Sequence[Sequence[Any]]) -> str:
        """Keeps what `_FIRST` found, a row for each published ruleset. The member's id."""
        frame, merchant = len(_FRAME_COLUMNS), len(_FRAME_COLUMNS) + len(tables.merchants.c)
        if "_frame" not in self.__dict__:  # what was decided on before stays as it was read
            self._frame = [_FrameRow(*row[:frame]) for row in rows]
        row = _MerchantRow(*rows[0][frame:merchant])
        if row.id not in self._merchants:
            self._know_merchant(row)
        self._remember([rows[0][merchant:]])
        return str(rows[0][merchant])

    def heir(self, account: Account) -> Account:
        """The account that this one became part of, locked; itself for any other."""
        while account.merged_into is not None:
            account = self.account(account.merged_into)
        return account

    def look_up_members(self, merchant_id: str, external_ids: list[str]) -> None:
        """Reads at once which members of a merchant a batch names."""
        asked = {"merchant_id": merchant_id, "external_ids": external_ids}
        for row in direct.ask(self.connection, _MEMBERS_NAMED, asked):
            self.known_members[merchant_id, row.external_id] = row.member_id

    # --- parts of a batch --------------------------------------------------------------------------------------------

    def attempt(self, work: Callable[[], Result]) -> Result | CallerError:
        """What `work` answers, or its refusal with nothing staged and the accounts as they were."""
        mark, charges, campaigns = self.staged.mark(), dict(self.charges), dict(self.campaign_points)
        self._saved = {}
        try:
            return work()
        except CallerError as refusal:
            self.staged.cut(mark)
            self.charges, self.campaign_points = charges, campaigns
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

    def charge_merchants(self) -> None:
        """Counts what was issued against ceilings, as the last thing: whoever issues for the same merchant waits until the
        commit. Raises CeilingReached when another transaction took the room meanwhile.
        """
        from token_service.ledger.ceilings import write_charges

        write_charges(self)


def write(context: Context, work: Callable[[Transaction], Result], asked: Asked | None = None) -> Result:
    """What `work` answers, with everything it staged written in one database transaction; repeated on a deadlock. Of what was
    `asked` for, a limit's refusal is written down.
    """

    def run(connection: Connection) -> Result:
        transaction = Transaction(context, connection)
        try:
            answer = work(transaction)
            transaction.flush()
            transaction.charge_merchants()
        except NOTED as refusal:
            if asked is not None:
                refusal.write_down = partial(note, asked=asked, refusal=refusal, at=transaction.now)
            raise
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
