"""A file of members, part by part: first all of it is checked, then what is new comes in, a part in one database transaction.

Nothing is kept beside the ledger: what is there already is known by its reference. So whoever starts again after a kill goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from token_service.cli.member_csv import BadRow, MemberFile
from token_service.cli.progress import progress_bar
from token_service.errors import ApprovalNeeded, BacklogFull, MereauError
from token_service.ledger.context import Context
from token_service.ledger.import_inputs import NewImport, OpeningAccount
from token_service.ledger.import_views import Brought
from token_service.ledger.imports import foresee_import
from token_service.ledger.opening_balances import bring_in, check_accounts
from token_service.ledger.staff import Person
from token_service.ledger.staff_imports import own_lines, vouch_for

CHUNK: Final = 250
"""Members in one database transaction: short enough that the worker and the web server need not wait long."""
TURN_SECONDS: Final = 0.03
"""Pause between chunks. SQLite's writers don't queue: whoever comes right back would starve the others."""
WAIT_SECONDS: Final = 2.0
WAITS_MAX: Final = 150
"""So often a part waits for room behind the settlement, five minutes altogether, before the import stops."""
OWN: Final = "these would be points of whoever vouches for the file: let a colleague import it"

Part = list[OpeningAccount]


@dataclass(frozen=True, slots=True)
class Importing:
    """Who brings in which file, and where to."""

    context: Context
    person: Person
    new: NewImport
    told: MemberFile


def check_all(importing: Importing) -> tuple[Brought, list[BadRow], list[Part]]:
    """What would come in, every row that cannot, by line, and the parts that hold anything new. Nothing is written."""
    found, parts = Brought(), []
    accounts = importing.told.accounts
    with progress_bar() as bar:
        task = bar.add_task("Checking members", total=len(accounts))
        for part in _parts(accounts):
            one = check_accounts(importing.context, importing.person.actor, importing.new, part)
            if one.members or one.points:
                parts.append(part)
            found.add(one)
            bar.advance(task, len(part))
    bad = [*importing.told.bad, *(BadRow(line, error.detail) for line, error in found.refused)]
    bad += [BadRow(line, OWN) for line in own_lines(importing.person, accounts)]
    return found, sorted(bad, key=lambda row: row.line), parts


def foresee(importing: Importing, points_to_come: int) -> str | None:
    """What stands in the way of all of it now, as a sentence."""
    actor = importing.person.actor
    refusal = foresee_import(importing.context, actor, importing.new, points_to_come=points_to_come)
    return None if refusal is None else _in_words(refusal)


def bring_all_in(importing: Importing, parts: list[Part], *, points_to_come: int) -> Brought:
    """What came in now. Raises ApprovalNeeded where a second person comes first, and what `bring_in` raises; what came in until
    then stays, and starting again goes on behind it.
    """
    if not parts:
        return Brought()
    decided = vouch_for(importing.context, importing.person, importing.new, points_to_come=points_to_come)
    if decided.state == "open":
        raise ApprovalNeeded(
            f"{decided.points:,} points are more than one person may bring in alone. A colleague approves the file, in the "
            f"console under Approvals or with POST /v1/imports/{decided.id}/approve; then run this again. "
            f"Its SHA-256: {decided.file_hash}"
        )
    done = Brought()
    with progress_bar() as bar:
        task = bar.add_task("Bringing members in", total=sum(len(part) for part in parts))
        for part in parts:
            done.add(_bring_in(importing, decided.id, part))
            bar.advance(task, len(part))
            time.sleep(TURN_SECONDS)
    return done


def _bring_in(importing: Importing, import_id: str, part: Part) -> Brought:
    """One part, once there is room for it behind the settlement. Raises BacklogFull when none comes."""
    for waited in range(WAITS_MAX + 1):
        try:
            return bring_in(importing.context, importing.person.actor, import_id, importing.new, part)
        except BacklogFull as full:
            if waited == WAITS_MAX:
                raise BacklogFull(
                    "Too much waits for settlement: start `mereau serve`, and run this again to go on."
                ) from full
            time.sleep(WAIT_SECONDS)
    raise AssertionError("the last wait raises")


def _in_words(refusal: MereauError) -> str:
    if isinstance(refusal, ApprovalNeeded):
        return f"A second person must approve the file first: {refusal.detail} ({refusal.facts['key']})."
    return f"{refusal.title}: {refusal.detail}"


def _parts(accounts: tuple[OpeningAccount, ...]) -> Iterator[Part]:
    for start in range(0, len(accounts), CHUNK):
        yield list(accounts[start : start + CHUNK])
