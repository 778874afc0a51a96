"""Codes and sessions under concurrent callers, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from databases import PostgreSQL
from pages_town import Browser, Clock, Town, make_context, open_shop, set_up
from sqlalchemy import event
from staff_people import hire, signed_in

from token_service.custody.key_ring import KeyRing
from token_service.ledger.sessions import CodeAnswer, answer_code, record_code
from token_service.ledger.store import open_store

CALLERS = 12


@pytest.fixture(params=["sqlite", "postgresql"])
def any_town(request: pytest.FixtureRequest, tmp_path: Path, keys: KeyRing) -> Iterator[Town]:
    context = make_context(tmp_path, keys, Clock())
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.lend()
        context = replace(context, store=open_store(url))
    set_up(context, keys)
    yield open_shop(context, context.now)
    context.store.dispose()
    if request.param == "postgresql":
        server.take_back(url)


def test_attempts_made_at_the_same_time_each_count(any_town: Town) -> None:
    any_town.member()
    asked = {"ticket_hash": "1" * 64, "code_hash": "2" * 64}
    assert record_code(any_town.context, **asked, email="alice@example.com", client_address="a")

    def attempt(number: int) -> CodeAnswer:
        guess = asked | {"code_hash": f"{number:064d}"}
        return answer_code(any_town.context, **guess, token_hash=f"{number:064d}", device="").answer

    with ThreadPoolExecutor(CALLERS) as callers:
        answers = Counter(callers.map(attempt, range(CALLERS)))
    assert answers == {CodeAnswer.WRONG: 4, CodeAnswer.TOO_MANY_ATTEMPTS: CALLERS - 4}
    right = answer_code(any_town.context, **asked, token_hash="3" * 64, device="")
    assert right.answer is CodeAnswer.TOO_MANY_ATTEMPTS


def test_a_right_code_sent_twice_at_once_opens_one_session(any_town: Town) -> None:
    any_town.member()
    asked = {"ticket_hash": "1" * 64, "code_hash": "2" * 64}
    record_code(any_town.context, **asked, email="alice@example.com", client_address="a")

    def sign_in(number: int) -> CodeAnswer:
        return answer_code(any_town.context, **asked, token_hash=f"{number:064d}", device="").answer

    with ThreadPoolExecutor(CALLERS) as callers:
        answers = Counter(callers.map(sign_in, range(CALLERS)))
    assert answers == {CodeAnswer.RIGHT: 1, CodeAnswer.EXPIRED: CALLERS - 1}


def test_the_wallet_is_the_same_on_both(any_town: Town) -> None:
    any_town.gift(any_town.member(), 1_284)
    alice = Browser(any_town.app().test_client())
    assert alice.sign_in(any_town).location == "/wallet"
    assert "1,284" in alice.get("/wallet").text
    assert alice.get("/preferences").status_code == 200
    assert alice.post("/sign-out").location == "/sign-in"


READ_ONLY = {"sqlite": "pragma query_only=1", "postgresql": "set default_transaction_read_only = on"}


def test_whoever_is_signed_in_reads_on_where_nothing_can_be_written(any_town: Town) -> None:
    any_town.member()
    alice = Browser(any_town.app().test_client())
    alice.sign_in(any_town)
    cashier = signed_in(any_town, hire(any_town, "cashier"))
    engine = any_town.context.store.engine
    engine.dispose()
    event.listen(engine, "connect", partial(forbid_writing, READ_ONLY[engine.dialect.name]))
    any_town.clock.move(timedelta(hours=1))
    assert (alice.get("/wallet").status_code, cashier.get("/till").status_code) == (200, 200)
    assert alice.get("/card").status_code in (500, 503)


def forbid_writing(statement: str, connection: Any, _record: Any) -> None:
    connection.cursor().execute(statement)
    if hasattr(connection, "autocommit"):
        connection.commit()
