"""Two people of the staff who act at the same moment: the first one's transaction is held open while the other begins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest
from ledger_town import ADMIN, Town
from test_staff import added, sign_in

from token_service.errors import Refused
from token_service.ledger.context import Context
from token_service.ledger.staff import disable_person, draw_password, list_people, reset_password
from token_service.ledger.staff_sessions import change_password
from token_service.ledger.store import JoinedStore

WHILE_THE_OTHER_COMES_SECONDS = 1.0


def test_two_owners_who_disable_each_other_leave_one(town: Town) -> None:
    one, other = added(town), added(town, "second@example.com")
    with ThreadPoolExecutor(1) as elsewhere:
        with town.context.store.write() as connection:
            disable_person(joined(town, connection), ADMIN, other.person.id)
            answer = elsewhere.submit(disable_person, town.context, ADMIN, one.person.id)
            wait([answer], WHILE_THE_OTHER_COMES_SECONDS)
        with pytest.raises(Refused):
            answer.result()
    assert [person.id for person in list_people(town.context) if person.disabled_at is None] == [one.person.id]


def test_a_password_that_is_reset_meanwhile_is_not_changed_by_whoever_knew_the_old_one(town: Town) -> None:
    made = added(town)
    stolen, drawn = sign_in(town, made), draw_password(town.context)
    with ThreadPoolExecutor(1) as elsewhere:
        with town.context.store.write() as connection:
            reset_password(joined(town, connection), ADMIN, made.person.id, drawn)
            answer = elsewhere.submit(
                change_password, town.context, stolen, current=made.password, new="a thief's new phrase"
            )
            wait([answer], WHILE_THE_OTHER_COMES_SECONDS)
        assert answer.result() is False
    assert sign_in(town, made, drawn.text, token="b" * 64).person.must_change


def joined(town: Town, connection: object) -> Context:
    """The town's ledger inside a transaction that is not committed yet."""
    return replace(town.context, store=JoinedStore(town.context.store, connection))  # type: ignore[arg-type]
