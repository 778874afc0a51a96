"""The ledger that each simulation starts from: migrated once in a process, then copied."""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from blocks import seal
from fake_chain import CALM_FEE, START, genesis
from keys import CHAIN_ID, CONTRACT, OPERATORS, address, member_address
from sqlalchemy import Connection, insert

from token_service.ledger.lane_choice import choose_lane
from token_service.ledger.settlement_tables import cursors, lanes
from token_service.ledger.store import open_store, sqlite_url
from token_service.ledger.tables import members, merchants, program, rulesets
from token_service.migrations import upgrade_store
from token_service.program.ruleset import canonical_json, parse_ruleset, ruleset_hash

DOCUMENT = canonical_json(
    parse_ruleset("""
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]
""")
)
RULESET = ruleset_hash(DOCUMENT)
FOUNDED = datetime.fromtimestamp(START, UTC)
MEMBERS = 5


def member_id(number: int) -> str:
    return f"mem_{number:026d}"


@cache
def ledger(lane_count: int) -> sqlite3.Connection:
    """A ledger in memory: the programme deployed in block 0, its merchants and members, and so many lanes."""
    kept = sqlite3.connect(":memory:")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        store = open_store(sqlite_url(path))
        upgrade_store(store)
        with store.write() as connection:
            _found(connection)
            _people(connection, lane_count)
        store.dispose()
        source = sqlite3.connect(path)
        source.backup(kept)
        source.close()
    return kept


def _found(connection: Connection) -> None:
    beginning = seal(None, [], genesis(RULESET), START, CALM_FEE, 0)
    connection.execute(
        insert(program).values(
            id=1,
            name="Les Halles",
            currency="EUR",
            chain_id=CHAIN_ID,
            contract_address=CONTRACT,
            deployed_at_block=0,
            genesis_hash=beginning.hash,
            promise_address=address("promise"),
            embedded=False,
            notice_period_seconds=0,
            created_at=FOUNDED,
        )
    )
    first = {
        "hash": RULESET,
        "document": DOCUMENT,
        "state": "published",
        "effective_at": datetime(1970, 1, 1, tzinfo=UTC),
    }
    connection.execute(insert(rulesets).values(**first, created_at=FOUNDED, published_at=FOUNDED))
    for party in (1, 2):
        names = {"id": f"mer_{party:026d}", "party": party, "name": f"Merchant {party}"}
        limits = {"ceiling_points": 2**50, "ceiling_period_seconds": 0}
        connection.execute(insert(merchants).values(**names, **limits, created_at=FOUNDED))
    for name in ("indexed", "final"):
        connection.execute(insert(cursors).values(name=name, number=0, hash=beginning.hash))


def _people(connection: Connection, lane_count: int) -> None:
    operators = {number: address(OPERATORS[number]) for number in range(lane_count)}
    for number, operator in operators.items():
        connection.execute(
            insert(lanes).values(number=number, operator=operator, next_nonce=0, next_seq=1, state="active")
        )
    for number in range(MEMBERS):
        connection.execute(
            insert(members).values(
                id=member_id(number),
                merchant_id=f"mer_{1:026d}",
                content_hash="0" * 64,
                address=member_address(number),
                sealed_salt_key=b"salt",
                lane=choose_lane(member_id(number), operators),
                state="active",
                created_at=FOUNDED,
            )
        )
