"""The programme's open books, for anybody, without signing in: what was given, used and is owed, who may give how much, the
rules in plain words, the newest batches, and the one command with which a stranger checks all of it.

Figures are the ledger's; nothing here is about one member. The number of queries depends on nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from token_service.ledger.causes import list_causes
from token_service.ledger.merchants import public_merchants
from token_service.ledger.program_setup import get_books
from token_service.ledger.receipts import list_batches
from token_service.ledger.rulesets import published_rulesets
from token_service.ledger.settlement_figures import settled, settled_points, unsettled
from token_service.ledger.views import Program, ProgramTotals, RulesetView
from token_service.pages.commands import node_address, own_address
from token_service.pages.rules_in_words import Chapter, in_words
from token_service.pages.ruleset_states import since, state_of
from token_service.pages.services import Services, services
from token_service.pages.translation import gettext
from token_service.units import EntryKind

BATCHES_SHOWN: Final = 10
RULESETS_SHOWN: Final = 20
"""The newest; the auditor reads them all from the chain."""


@dataclass(frozen=True)
class Total:
    """Points of one kind, `points` with their sign; `settled` of them, without sign, are final; None: not told apart."""

    name: str
    points: int
    settled: int | None


@dataclass(frozen=True)
class Rules:
    """One version of the rules. `since` None: from the beginning. `state`: in_force, next or earlier."""

    view: RulesetView
    state: str
    since: datetime | None
    chapters: tuple[Chapter, ...]


def add_to(pages: Blueprint) -> None:
    """Adds /transparency."""
    pages.add_url_rule("/transparency", "transparency", transparency)


def transparency() -> ResponseReturnValue:
    """The whole page. Raises NotInitialised (the error page) before there is a programme."""
    given = services()
    context = given.context
    books = get_books(context)
    assert books.ruleset is not None
    versions = published_rulesets(context, RULESETS_SHOWN)
    return render_template(
        "transparency.html",
        program=given.parsed(books.ruleset).program,
        books=books,
        totals=_totals(books.totals, settled_points(context.store)),
        settled=settled(context.store),
        unsettled=unsettled(context.store),
        merchants=public_merchants(context),
        causes=list_causes(context),
        rulesets=[_rules(given, view, books) for view in versions],
        are_all_rulesets=len(versions) < RULESETS_SHOWN,
        batches=list_batches(context, BATCHES_SHOWN).data,
        command=audit_command(given, books),
        is_node_named=books.embedded or given.rpc_url is not None,
    )


def audit_command(given: Services, books: Program) -> str | None:
    """The line that checks this very deployment, for a shell; None before there is a contract."""
    if books.contract is None:
        return None
    base = own_address(given)
    options = {"rpc": node_address(given, books), "contract": books.contract, "receipts": base, "rulesets": base}
    return " ".join(("mereau audit", *(f"--{name} {shlex.quote(value)}" for name, value in options.items())))


def _totals(totals: ProgramTotals, final: Mapping[EntryKind, int]) -> tuple[Total, ...]:
    kinds = (
        (gettext("Given"), EntryKind.ISSUANCE, totals.issued),
        (gettext("Used"), EntryKind.REDEMPTION, totals.redeemed),
        (gettext("Given back after a cancelled use"), EntryKind.RESTORATION, totals.restored),
        (gettext("Taken back after refunds"), EntryKind.REVERSAL, totals.reversed),
        (gettext("Expired"), EntryKind.EXPIRY, totals.expired),
        (gettext("Donated"), EntryKind.DONATION, totals.donated),
        (gettext("Corrections up"), EntryKind.ADJUSTMENT_UP, totals.adjusted_up),
        (gettext("Corrections down"), EntryKind.ADJUSTMENT_DOWN, totals.adjusted_down),
    )
    lines = [Total(name, kind.sign * points, final.get(kind, 0)) for name, kind, points in kinds]
    rest = totals.outstanding - sum(line.points for line in lines)
    if rest:
        lines.append(Total(gettext("Cancelled, or moved to members’ own keeping"), rest, None))
    return tuple(lines)


def _rules(given: Services, view: RulesetView, books: Program) -> Rules:
    state = state_of(view, books, given.context.now())
    return Rules(view, state, since(view, books), in_words(given.parsed(view)))
