"""Where the replay keeps what grows: a SQLite file of its own. In memory stay the accounts used last, up to a fixed size.

The file is temporary; beside a checkpoint a copy of it is kept (`FILE.accounts`), because it holds opened details and the
checkpoint itself may be published.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from token_service.audit.accounts.account import Account, HeldLot, Operation
from token_service.errors import BadSettings

SIZE_MAX: Final = 120_000
"""Things that accounts in memory hold together (account.py `size`): about 60 MB."""
CACHE_KIB: Final = 8_192
_TABLES: Final = (
    "create table accounts (address text primary key, state text not null) without rowid",
    "create table operations (id text primary key, state text not null) without rowid",
    "create table lots (id text primary key, state text not null) without rowid",
    "create table named (key blob primary key) without rowid",
)
_BACK_AT: Final = "json_extract(one.value, '$.back_at')"
_CAMPAIGNS: Final = (
    "create table if not exists campaigns (id text primary key, points integer not null, budget integer) without rowid"
)
"""Also made in a file that was kept before campaigns had limits."""


_KINDS: Final[Mapping[str, Any]] = {"account": Account, "operation": Operation, "lot": HeldLot}


@cache
def _form(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[kind])


def _read(kind: str, text: str) -> Any:
    return _form(kind).validate_json(text)


def _written(kind: str, value: Account | Operation | HeldLot) -> str:
    return _form(kind).dump_json(value).decode()


class Storage:
    """Accounts by address, operations and emptied lots by id, and names that may be used once."""

    def __init__(self, kept: Path | None = None) -> None:
        """An empty one, or one that goes on from a kept copy. Raises BadSettings when that cannot be read."""
        self._folder = tempfile.TemporaryDirectory(prefix="mereau-audit-")
        path = Path(self._folder.name) / "accounts.db"
        try:
            if kept is not None:
                path.write_bytes(kept.read_bytes())
            self._db = sqlite3.connect(path, isolation_level=None)
            for pragma in ("journal_mode=off", "synchronous=off", f"cache_size=-{CACHE_KIB}", "temp_store=memory"):
                self._db.execute("pragma " + pragma)
            self._db.execute("begin")
            if kept is None:
                for table in _TABLES:
                    self._db.execute(table)
            self._db.execute(_CAMPAIGNS)
        except (OSError, sqlite3.Error) as error:
            raise BadSettings("the file of accounts cannot be opened") from error
        self._live: OrderedDict[str, Account] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._new_operations: dict[str, Operation] = {}

    def close(self) -> None:
        """Removes the file."""
        self._db.close()
        self._folder.cleanup()

    def account(self, address: str) -> Account:
        """The account as it was left, a fresh one if it was never seen."""
        found = self._live.get(address)
        if found is None:
            row = self._db.execute("select state from accounts where address = ?", (address,)).fetchone()
            found = Account(address) if row is None else _read("account", row[0])
            self._live[address] = found
        self._live.move_to_end(address)
        return found

    def move(self, account: Account, address: str) -> None:
        """The account is at another address from here on; what it was before is gone."""
        before = account.address
        self._db.execute("delete from accounts where address in (?, ?)", (before, address))
        for place in (before, address):
            self._live.pop(place, None)
            self._size -= self._sizes.pop(place, 0)
        account.address = address
        self._live[address] = account

    def with_untold(self) -> list[Account]:
        """The accounts whose holder spent points by signature that no leaf has told of."""
        return self._accounts_where("json_array_length(state, '$.signed') > 0")

    def with_going(self) -> list[Account]:
        """The accounts whose points left for another account and have not arrived there."""
        return self._accounts_where("json_array_length(state, '$.going') > 0")

    def with_owed_vouchers(self) -> list[Account]:
        """The accounts whose voucher ended, and no leaf behind that gave its points back."""
        return self._accounts_where("json_extract(state, '$.owes_back') is not null")

    def with_owed_for_refunds(self) -> list[Account]:
        """The accounts whose refund gives back points that paid, and no leaf behind that did."""
        return self._accounts_where("json_extract(state, '$.owes_for_refunds') not in ('{}')")

    def with_due_parts(self) -> list[Account]:
        """The accounts whose award was issued in part, and no leaf behind that is the rest."""
        return self._accounts_where("json_array_length(state, '$.due_parts') > 0")

    def with_owed_referrals(self) -> list[Account]:
        """The accounts whose refund left an invitation paid for."""
        return self._accounts_where("json_array_length(state, '$.owes_referrals') > 0")

    def _accounts_where(self, condition: str) -> list[Account]:
        self._write_accounts(list(self._live.values()))
        query = f"select address from accounts where {condition} order by address"
        return [self.account(row[0]) for row in self._db.execute(query).fetchall()]

    def referrals_kept_by_inviters(self, invited: str, referred: str) -> list[tuple[str, str, datetime]]:
        """(account, subject, since when the other side is taken back) of referrals that count for who invited only."""
        self._write_accounts(list(self._live.values()))
        query = (
            "select json_extract(one.value, '$.subject'), address, json_extract(one.value, '$.back_at') "
            "from accounts, json_each(accounts.state, '$.referrals') one where json_extract(one.value, '$.event') = ? "
            "and {} order by address"
        )
        back = query.format(f"{_BACK_AT} is not null and json_extract(one.value, '$.is_final') = 0")
        gone = {row[0]: datetime.fromisoformat(row[2]) for row in self._db.execute(back, (invited,))}
        kept = self._db.execute(query.format(f"{_BACK_AT} is null"), (referred,))
        return [(row[1], row[0], gone[row[0]]) for row in kept.fetchall() if row[0] in gone]

    def referrals_told_in_two_ways(self, invited: str, referred: str) -> list[tuple[str, int, int]]:
        """(subject, by the invited side, by the other one) of referrals whose sides say different things."""
        query = (
            "select json_extract(one.value, '$.subject'), json_extract(one.value, '$.times'), "
            "json_extract(one.value, '$.earned_points') from accounts, json_each(accounts.state, '$.referrals') one "
            "where json_extract(one.value, '$.event') = ? order by 1"
        )
        told = {row[:2]: row[2] for row in self._db.execute(query, (invited,))}
        return [
            (row[0], told[row[:2]], row[2])
            for row in self._db.execute(query, (referred,))
            if told.get(row[:2], row[2]) != row[2]
        ]

    def touched(self, addresses: list[str]) -> None:
        """These accounts changed: measures them, writes the ones used longest ago when memory holds too much."""
        for address in addresses:
            size = self._live[address].size
            self._size += size - self._sizes.get(address, 0)
            self._sizes[address] = size
        if self._new_operations:
            self._write_operations()
        while self._size > SIZE_MAX and len(self._live) > 1:
            address, account = self._live.popitem(last=False)
            self._size -= self._sizes.pop(address, 0)
            self._write_accounts([account])

    def operation(self, id_: str) -> Operation | None:
        """An operation that was put here."""
        found = self._new_operations.get(id_)
        if found is not None:
            return found
        row = self._db.execute("select state from operations where id = ?", (id_,)).fetchone()
        return None if row is None else _read("operation", row[0])

    def put_operation(self, operation: Operation) -> None:
        """Keeps an operation, new or changed."""
        self._new_operations[operation.id] = operation

    def empty_lot(self, id_: str) -> HeldLot | None:
        """A lot that was used up."""
        row = self._db.execute("select state from lots where id = ?", (id_,)).fetchone()
        return None if row is None else _read("lot", row[0])

    def put_empty_lot(self, held: HeldLot) -> None:
        """Keeps a lot that was used up: it may come back."""
        self._db.execute("insert or replace into lots values (?, ?)", (held.lot.id, _written("lot", held)))

    def name(self, *words: str) -> bool:
        """True the first time that these words are named together."""
        key = hashlib.blake2b("\0".join(words).encode(), digest_size=16).digest()
        return self._db.execute("insert or ignore into named values (?)", (key,)).rowcount == 1

    def count_campaign(self, campaign_id: str, points: int, budget: int | None) -> None:
        """Counts what a campaign gave or got back; `budget` is what the ruleset allows it in all: of several versions the largest
        holds, and one without a budget allowed any number.
        """
        self._db.execute(
            "insert into campaigns values (?, ?, ?) on conflict (id) do update set points = points + excluded.points, "
            "budget = max(budget, excluded.budget)",  # null where one of them is
            (campaign_id, points, budget),
        )

    def overspent_campaigns(self) -> list[tuple[str, int, int]]:
        """(campaign, points that purchases hold of it, its budget) where that is more."""
        query = "select id, points, budget from campaigns where points > budget order by id"
        return [(str(row[0]), int(row[1]), int(row[2])) for row in self._db.execute(query)]

    def overdue(self, now: datetime) -> tuple[int, int]:
        """How many awards wait past the end of their return window, and how many points."""
        self._write_accounts(list(self._live.values()))
        query = (
            "select count(*), total(json_extract(award.value, '$.points')) "
            "from accounts, json_each(accounts.state, '$.pending') award "
            "where json_extract(award.value, '$.due_at') < ?"
        )
        found = self._db.execute(query, (now.isoformat().replace("+00:00", "Z"),)).fetchone()
        return int(found[0]), int(found[1])

    def keep(self, path: Path) -> str:
        """Writes a copy, whole or not at all, and answers its SHA-256. Raises BadSettings."""
        self._write_operations()
        self._write_accounts(list(self._live.values()))
        beside = path.with_name(path.name + ".new")
        try:
            self._db.execute("commit")
            beside.unlink(missing_ok=True)
            beside.touch(mode=0o600)  # before there is anything in it
            self._db.execute("vacuum into ?", (str(beside),))
            self._db.execute("begin")
            beside.replace(path)
        except (OSError, sqlite3.Error) as error:
            raise BadSettings("the checkpoint's file of accounts cannot be written") from error
        return digest(path)

    def _write_accounts(self, accounts: list[Account]) -> None:
        rows = [(account.address, _written("account", account)) for account in accounts]
        self._db.executemany("insert or replace into accounts values (?, ?)", rows)

    def _write_operations(self) -> None:
        rows = [(one.id, _written("operation", one)) for one in self._new_operations.values()]
        self._db.executemany("insert or replace into operations values (?, ?)", rows)
        self._new_operations.clear()


def digest(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
