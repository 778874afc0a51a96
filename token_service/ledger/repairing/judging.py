"""Which leaves of a batch the ledger knows, which open, and which stay closed and why. Nothing is written here."""

from __future__ import annotations

import base64
import binascii
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from token_service.errors import InvariantBroken
from token_service.ledger import tables
from token_service.ledger.context import Context
from token_service.ledger.repairing.contradictions import check_fits
from token_service.ledger.repairing.gap import (
    ERASED,
    FILE_LOST,
    MEMBER,
    MERCHANT,
    ORIGIN,
    RULES,
    SEALED,
    UNKNOWN,
    ClosedLeaf,
    GapBatch,
    JudgedLeaf,
    KnownLeaf,
    OpenedLeaf,
    Place,
)
from token_service.ledger.repairing.operations_again import OPERATION_KINDS
from token_service.ledger.settlement_tables import leaves
from token_service.protocol import receipts

IN_LIST: Final = 500
PAYS_DEBT: Final = "pays_debt"


class Judge:
    """Reads leaf after leaf in the chain's order; remembers which operations the leaves before it told."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told: set[str] = set()
        self._same: dict[str, set[str]] = {}  # addresses of one person, by each of them

    def learn(self, moved: Iterable[tuple[str, str]]) -> None:
        """Points of one person went from the first address to the second one."""
        for pair in moved:
            together = set(pair).union(*(self._same.get(address, set()) for address in pair))
            self._same |= dict.fromkeys(together, together)

    def judged(self, connection: Connection, batch: GapBatch) -> list[JudgedLeaf]:
        """Every leaf of the batch in the order in which it is to be written: each member's by their numbers.

        Raises LedgerWentOn where the restored ledger has recorded other things since.
        """
        if batch.receipts is None:
            return self._without_file(connection, batch)
        places = [
            Place(
                filed.leaf.index,
                filed.leaf.account,
                filed.leaf.kind,
                filed.leaf.party,
                filed.leaf.amount,
                batch.skipped.get(filed.leaf.index),
                filed.leaf.commitment,
                filed.id,
            )
            for filed in batch.receipts.leaves
        ]
        sealed = {filed.leaf.index: filed.sealed for filed in batch.receipts.leaves}
        known = _known_ids(connection, [place.id for place in places if place.id is not None])
        members = self._members_of(connection, {place.account for place in places})
        found: list[JudgedLeaf] = []
        for place in places:
            if place.id is not None and place.id in known:
                found.append(_known(place, known[place.id]))
            else:
                found.append(self._opened(members.get(place.account), place, sealed[place.position]))
        return [self._readable(connection, leaf) for leaf in _in_order(found)]

    def _opened(self, member: Any, place: Place, sealed: str | None) -> JudgedLeaf:
        if member is None:
            return ClosedLeaf(place, MEMBER, None)
        if member.sealed_salt_key is None:
            return ClosedLeaf(place, ERASED, member.id)
        text = self._detail(member.sealed_salt_key, place, sealed)
        if text is None or place.id is None:
            return ClosedLeaf(place, SEALED, member.id)
        return OpenedLeaf(place, place.id, member.id, text, json.loads(text))

    def _detail(self, sealed_salt_key: bytes, place: Place, sealed: str | None) -> str | None:
        """The detail, if it is there, opens, and is what the leaf commits to."""
        if sealed is None or place.id is None:
            return None
        salts = self._context.salts
        try:
            box = base64.b64decode(sealed, validate=True)
            text = salts.open_opening(sealed_salt_key, place.id, box).decode()
            salt = receipts.salt(salts.open(sealed_salt_key), place.id)
        except (InvariantBroken, binascii.Error, UnicodeDecodeError):
            return None
        return text if receipts.commitment(salt, text) == place.commitment else None

    def _readable(self, connection: Connection, leaf: JudgedLeaf) -> JudgedLeaf:
        """The leaf; closed where the ledger lacks what its detail names."""
        if not isinstance(leaf, OpenedLeaf):
            return leaf
        reason = self._lacking(connection, leaf.document)
        if reason is not None:
            return ClosedLeaf(leaf.place, reason, leaf.member_id)
        check_fits(connection, leaf)
        operation_id = leaf.document.get("operation_id")
        if operation_id is not None:
            self._told.add(operation_id)
        return leaf

    def _lacking(self, connection: Connection, document: Mapping[str, Any]) -> str | None:
        if not _has(connection, tables.rulesets.c.hash, document["ruleset"]):
            return RULES
        merchant, operation_id = document.get("merchant"), document.get("operation_id")
        if merchant is not None and not _has(connection, tables.merchants.c.id, merchant):
            return MERCHANT
        if operation_id is None or self._is_told(connection, operation_id):
            return None
        if document["operation"] not in OPERATION_KINDS:
            return UNKNOWN
        origin = document.get("of")
        if document.get(PAYS_DEBT) or (origin is not None and not self._is_told(connection, origin)):
            return ORIGIN
        return None

    def _is_told(self, connection: Connection, operation_id: str) -> bool:
        return operation_id in self._told or _has(connection, tables.operations.c.id, operation_id)

    def _without_file(self, connection: Connection, batch: GapBatch) -> list[JudgedLeaf]:
        """The words alone. One that equals the account's next accepted entry is taken for it: to settle that one again would pay
        it twice.
        """
        waiting: dict[tuple[str, int, int, int], list[str]] = defaultdict(list)
        columns = leaves.c
        query = select(columns.id, columns.account, columns.kind, columns.party, columns.amount)
        accounts = {word.account for word in batch.words}
        for part in _parts(accounts):
            accepted = query.where(columns.state == "accepted", columns.account.in_(part)).order_by(columns.seq)
            for row in connection.execute(accepted):
                waiting[row.account, row.kind, row.party, row.amount].append(row.id)
        members = self._members_of(connection, accounts)
        found: list[JudgedLeaf] = []
        for position, word in enumerate(batch.words):
            place = Place(position, *word, batch.skipped.get(position))
            same = waiting[word.account, word.kind, word.party, word.amount]
            if same:
                found.append(KnownLeaf(place, same.pop(0)))
            else:
                member = members.get(word.account)
                found.append(ClosedLeaf(place, FILE_LOST, None if member is None else member.id))
        return found

    def _members_of(self, connection: Connection, accounts: Iterable[str]) -> dict[str, Any]:
        """Members by their address, also by one that was or will be theirs."""
        asked = set(accounts)
        found = _members_at(connection, asked.union(*(self._same.get(address, set()) for address in asked)))
        for address in asked - found.keys():
            known = [found[other] for other in self._same.get(address, ()) if other in found]
            if len(known) == 1:
                found[address] = known[0]
        return found


def _known(place: Place, commitment: str) -> KnownLeaf:
    if place.commitment != commitment or place.id is None:
        raise InvariantBroken("a receipt file has another commitment for a leaf than the ledger")
    return KnownLeaf(place, place.id)


def _in_order(found: Iterable[JudgedLeaf]) -> list[JudgedLeaf]:
    """Opened leaves as they were recorded, then what is closed, in the batch's order: of that nobody knows when it was."""

    def key(leaf: JudgedLeaf) -> tuple[int, str, int, int]:
        if isinstance(leaf, OpenedLeaf):
            return (1, leaf.recorded_at.isoformat(timespec="microseconds"), leaf.number, leaf.place.position)
        return (0 if isinstance(leaf, KnownLeaf) else 2, "", 0, leaf.place.position)

    return sorted(found, key=key)


def _known_ids(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Commitments of the leaves that the ledger has, by id."""
    columns = leaves.c
    return {
        row.id: row.commitment
        for part in _parts(ids)
        for row in connection.execute(select(columns.id, columns.commitment).where(columns.id.in_(part)))
    }


def _members_at(connection: Connection, accounts: Iterable[str]) -> dict[str, Any]:
    """Members by their address."""
    members = tables.members.c
    query = select(members.id, members.address, members.sealed_salt_key)
    return {
        row.address: row
        for part in _parts(accounts)
        for row in connection.execute(query.where(members.address.in_(part)))
    }


def _parts(values: Iterable[str]) -> list[list[str]]:
    found = sorted(set(values))
    return [found[start : start + IN_LIST] for start in range(0, len(found), IN_LIST)]


def _has(connection: Connection, column: Any, value: str) -> bool:
    return connection.execute(select(column).where(column == value).limit(1)).first() is not None
