"""Notices, expiry and the look at levels for many members at once, beside plain SQL that writes the same rows: PostgreSQL.

Every member has one lot whose date comes, is told so ahead of time, and has a level that ends. `run_due` writes a notice for
each, an entry or a fact with its detail, its salted commitment, its signed promise; plain SQL writes constant texts instead.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, text

from scripts.bench.anvil import running_anvil
from scripts.bench.programme import Programme, programme
from scripts.bench.service import running_postgresql
from scripts.bench.table import Figure, Target
from token_service.ledger.due import run_due

FILL: Final = Path(__file__).with_name("due.sql")
PLAIN: Final = Path(__file__).with_name("due_plain.sql")
MEMBERS: Final = int(os.environ.get("BENCH_DUE_MEMBERS", "1000000"))
SMALL: Final = MEMBERS // 5
MOST: Final = 3.0
"""How many times as long as plain SQL it may take."""
MOST_UNEVEN: Final = 1.25
"""How much more a member may cost among five times as many."""
RULESET: Final = """
ruleset: 1
program: {name: Bench, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100}]
tiers:
  qualify_by: spend
  window: {kind: rolling, period: P12M}
  levels: [{id: bronze, from: 0}, {id: gold, from: 100000}]
expiry: {kind: fixed, period: P12M}
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Seconds:
    """How long notices of what expires, expiry and the levels took."""

    notices: float
    expiry: float
    levels: float


def measure_due(members: int = MEMBERS, small: int = SMALL) -> list[Figure]:
    """Of each kind of work a line for time beside plain SQL, and one for whether a member costs the same among more. A notice is
    little more than its decision, and plain SQL decides nothing: asked is that it costs less than the expiry that it foretells.
    """
    ours, few = _ours(members), _ours(small)
    plain = _plain(members)
    cheap = Target("≤ 1 ×", ours.notices <= ours.expiry)
    beside = f"{ours.expiry:,.1f} s"
    found = [
        Figure(
            "notices that are due, beside the expiry",
            ours.notices / ours.expiry,
            f"{ours.notices:,.1f} s",
            beside,
            cheap,
        )
    ]
    for what, one, other, floor in (
        ("notices", ours.notices, few.notices, plain.notices),
        ("expiry", ours.expiry, few.expiry, plain.expiry),
        ("levels", ours.levels, few.levels, plain.levels),
    ):
        ratio, uneven = one / floor, (one / members) / (other / small)
        said = f"{members:,} members in {one:,.1f} s: {members / one:,.0f}/s"
        met = None if what == "notices" else Target(f"≤ {MOST:g} ×", ratio <= MOST)
        found.append(Figure(f"{what} that is due, beside plain SQL", ratio, said, f"{floor:,.1f} s", met))
        even = Target(f"≤ {MOST_UNEVEN:g} ×", uneven <= MOST_UNEVEN)
        beside = f"{small:,} members: {small / other:,.0f}/s"
        found.append(Figure(f"{what}: what a member costs among more", uneven, f"{members / one:,.0f}/s", beside, even))
    return found


def _ours(members: int) -> Seconds:
    with _ledger(members) as made:
        context = made.application.context
        _let_points_near_their_end(made.application.store.engine)
        began = time.perf_counter()
        told = run_due(context)
        notices = time.perf_counter() - began
        _let_points_end(made.application.store.engine)
        began = time.perf_counter()
        report = run_due(context)
        expiry = time.perf_counter() - began
        _let_levels_end(made.application.store.engine)
        began = time.perf_counter()
        levels = run_due(context)
        if (told.notices_told, report.lots_expired, levels.tiers_changed) != (members, members, members):
            raise RuntimeError(f"what was due was not done: {told}, {report}, {levels}")
        return Seconds(notices, expiry, time.perf_counter() - began)


def _plain(members: int) -> Seconds:
    with _ledger(members) as made:
        engine = made.application.store.engine
        notices, expiry, levels = PLAIN.read_text(encoding="utf-8").split("\n--\n")
        _let_points_near_their_end(engine)
        told = _timed(engine, notices)
        _let_points_end(engine)
        expired = _timed(engine, expiry)
        _let_levels_end(engine)
        return Seconds(told, expired, _timed(engine, levels))


def _timed(engine: Engine, script: str) -> float:
    now = datetime.now(UTC)
    given: dict[str, Any] = {
        "now": _stored(now), "since": _stored(now - timedelta(days=365)), "detail": "{" + "." * 420 + "}",
        "commitment": "0x" + "1" * 64, "promise": "0x" + "1" * 130,
    }  # fmt: skip
    statements = [part for part in script.split(";") if part.strip()]
    began = time.perf_counter()
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), given)
    return time.perf_counter() - began


def _let_points_near_their_end(engine: Engine) -> None:
    """Their dates come in ten days."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        soon = {"soon": _stored(now + timedelta(days=10))}
        connection.execute(text("update lots set expires_at = :soon where member_id like 'mem_due%'"), soon)
        query = text("update members set notice_due_at = :now where id like 'mem_due%'")
        connection.execute(query, {"now": _stored(now)})
    _look(engine)


def _let_points_end(engine: Engine) -> None:
    with engine.begin() as connection:
        query = text("update lots set expires_at = :now where member_id like 'mem_due%'")
        connection.execute(query, {"now": _stored(datetime.now(UTC))})
    _look(engine)


def _let_levels_end(engine: Engine) -> None:
    with engine.begin() as connection:
        query = text("update members set tier_due_at = :now where id like 'mem_due%'")
        connection.execute(query, {"now": _stored(datetime.now(UTC))})
    _look(engine)


@contextmanager
def _ledger(members: int) -> Iterator[Programme]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil() as url,
        running_postgresql(Path(folder)) as database,
        programme(Path(folder) / "var", rpc_url=url, database_url=database, ruleset=RULESET) as made,
    ):
        _fill(made, members)
        yield made


def _fill(made: Programme, members: int) -> None:
    engine, at = made.application.store.engine, datetime.now(UTC) - timedelta(days=400)
    with engine.begin() as connection:
        row = connection.execute(
            text(
                "select m.party, r.hash, (select sealed_salt_key from members limit 1) as salt"
                " from merchants m, rulesets r where m.id = :id"
            ),
            {"id": made.merchant.merchant_id},
        ).one()
        connection.execute(text("update members set tier_due_at = null"))
        given = {
            "merchant": made.merchant.merchant_id, "party": row.party, "ruleset": row.hash, "salt": row.salt,
            "members": members, "at": _stored(at), "until": _stored(at + timedelta(days=365)),
        }  # fmt: skip
        for statement in FILL.read_text(encoding="utf-8").split(";")[:-1]:
            connection.execute(text(statement), given)
    _look(engine)


def _look(engine: Engine) -> None:
    """Lets PostgreSQL look at it as its own cleaner would have."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


def _stored(at: datetime) -> int:
    """As the ledger stores times."""
    return (at - _EPOCH) // timedelta(microseconds=1)
