"""Staff: added, signed in, kept out; and their trail, written in the transaction that did it. On both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, Town

from token_service.errors import Conflict, Forbidden, InsufficientBalance, InvalidInput, NotFound, Refused
from token_service.ledger import passwords
from token_service.ledger.adjustments import adjust
from token_service.ledger.balances import get_balance
from token_service.ledger.context import Context
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.staff import (
    NewPerson,
    PersonWithPassword,
    add_person,
    disable_person,
    enable_person,
    find_person,
    list_people,
    reset_password,
)
from token_service.ledger.staff_sessions import (
    EMAIL_ATTEMPTS,
    STAFF_SESSION_LIFETIME,
    Refusal,
    StaffSession,
    change_password,
    end_staff_session,
    sign_in_staff,
    staff_session_of,
)
from token_service.ledger.staff_trail import Deed, list_actions, perform

HOME = "192.0.2.1"


def added(town: Town, email: str = "olga@example.com", role: str = "owner", **more: Any) -> PersonWithPassword:
    return add_person(town.context, ADMIN, NewPerson(email, email.split("@", maxsplit=1)[0].title(), role, **more))


def sign_in(town: Town, made: PersonWithPassword, password: str | None = None, token: str = "a" * 64) -> Any:
    return sign_in_staff(
        town.context,
        email=made.person.email,
        password=password or made.password,
        client_address=HOME,
        token_hash=token,
        device="Firefox · Linux",
    )


def test_somebody_added_signs_in_with_the_drawn_password(town: Town) -> None:
    made = added(town, "  Olga@Example.COM ")
    assert made.person.email == "olga@example.com"
    session = sign_in(town, made)
    assert isinstance(session, StaffSession)
    assert session.person.must_change
    found = staff_session_of(town.context, "a" * 64)
    assert found is not None
    assert found.person == session.person


def test_the_password_is_not_stored_and_not_shown_by_accident(town: Town) -> None:
    made = added(town)
    assert made.password not in repr(made)
    with town.context.store.read() as connection:
        row = connection.exec_driver_sql("select password_hash from staff").scalar_one()
    assert row.startswith("$argon2id$")
    assert made.password not in row


@pytest.mark.parametrize(
    ("email", "role", "merchant", "error"),
    [
        ("nobody", "owner", None, InvalidInput),
        ("a@example.com", "emperor", None, InvalidInput),
        ("a@example.com", "cashier", None, InvalidInput),
        ("a@example.com", "owner", "own", InvalidInput),
        ("a@example.com", "cashier", "mrc_nobody", NotFound),
        ("olga@example.com", "support", None, Conflict),
    ],
)
def test_a_person_that_cannot_be_is_refused(
    town: Town, email: str, role: str, merchant: str | None, error: type[Exception]
) -> None:
    added(town)
    merchant_id = town.alice.merchant_id if merchant == "own" else merchant
    with pytest.raises(error):
        add_person(town.context, ADMIN, NewPerson(email, "A", role, merchant_id))
    assert len(list_people(town.context)) == 1


def test_only_an_admin_adds_resets_or_disables(town: Town) -> None:
    made = added(town)
    with pytest.raises(Forbidden):
        add_person(town.context, town.alice, NewPerson("b@example.com", "B", "owner"))
    for change in (reset_password, disable_person, enable_person):
        with pytest.raises(Forbidden):
            change(town.context, town.alice, made.person.id)


def test_a_cashier_acts_for_their_merchant_and_the_others_for_the_programme(town: Town) -> None:
    cashier = added(town, "cas@example.com", "cashier", merchant_id=town.alice.merchant_id).person
    assert (cashier.actor.merchant_id, cashier.actor.is_admin) == (town.alice.merchant_id, False)
    assert added(town).person.actor.is_admin


def test_wrong_passwords_and_unknown_addresses_are_answered_alike(town: Town) -> None:
    made = added(town)
    assert sign_in(town, made, "wrong wrong wrong") is Refusal.WRONG
    unknown = PersonWithPassword(made.person, made.password)
    object.__setattr__(unknown, "person", made.person.__class__(**{**vars(made.person), "email": "x@example.com"}))
    assert sign_in(town, unknown) is Refusal.WRONG


def test_guessing_is_stopped_for_the_right_password_too_until_the_time_has_passed(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", passwords.PasswordHasher(time_cost=1, memory_cost=64))
    made, (span, most) = added(town), EMAIL_ATTEMPTS[0]
    for _ in range(most):
        assert sign_in(town, made, "wrong wrong wrong") is Refusal.WRONG
    assert sign_in(town, made) is Refusal.TOO_MANY
    town.clock.forward(span + timedelta(seconds=1))
    assert isinstance(sign_in(town, made), StaffSession)


def test_a_session_ends_with_its_day_or_when_signed_out(town: Town) -> None:
    made = added(town)
    session = sign_in(town, made)
    end_staff_session(town.context, session.id)
    assert staff_session_of(town.context, "a" * 64) is None
    sign_in(town, made, token="b" * 64)
    town.clock.forward(STAFF_SESSION_LIFETIME)
    assert staff_session_of(town.context, "b" * 64) is None


def test_whoever_is_disabled_is_signed_out_and_stays_out_until_enabled(town: Town) -> None:
    added(town, "second@example.com")
    made = added(town)
    sign_in(town, made)
    assert disable_person(town.context, ADMIN, made.person.id).disabled_at is not None
    assert staff_session_of(town.context, "a" * 64) is None
    assert sign_in(town, made, token="b" * 64) is Refusal.WRONG
    enable_person(town.context, ADMIN, made.person.id)
    assert isinstance(sign_in(town, made, token="c" * 64), StaffSession)


def test_the_last_owner_stays(town: Town) -> None:
    made = added(town)
    added(town, "manager@example.com", "manager")
    with pytest.raises(Refused):
        disable_person(town.context, ADMIN, made.person.id)
    found = find_person(town.context, "olga@example.com")
    assert found is not None
    assert found.disabled_at is None


def test_a_changed_password_ends_every_other_session(town: Town) -> None:
    made = added(town)
    here = sign_in(town, made, token="a" * 64)
    sign_in(town, made, token="b" * 64)
    assert not change_password(town.context, here, current="not the password", new="quite a new phrase")
    assert change_password(town.context, here, current=made.password, new="quite a new phrase")
    assert staff_session_of(town.context, "b" * 64) is None
    kept = staff_session_of(town.context, "a" * 64)
    assert kept is not None
    assert not kept.person.must_change
    assert sign_in(town, made, token="c" * 64) is Refusal.WRONG
    assert isinstance(sign_in(town, made, "quite a new phrase", token="d" * 64), StaffSession)


def test_a_short_or_unchanged_password_is_refused(town: Town) -> None:
    made = added(town)
    session = sign_in(town, made)
    for new in ("short", made.password, " " * 20):
        with pytest.raises(InvalidInput):
            change_password(town.context, session, current=made.password, new=new)
    assert isinstance(sign_in(town, made, token="b" * 64), StaffSession)


def test_a_reset_password_replaces_the_old_one_everywhere(town: Town) -> None:
    made = added(town)
    sign_in(town, made)
    again = reset_password(town.context, ADMIN, made.person.id)
    assert staff_session_of(town.context, "a" * 64) is None
    assert sign_in(town, made, token="b" * 64) is Refusal.WRONG
    assert isinstance(sign_in(town, again, token="c" * 64), StaffSession)


def adjusting(town: Town, member_id: str, points: int) -> Any:
    new = NewAdjustment(town.reference(), member_id, points, "Lost at the till")
    return lambda context: adjust(context, ADMIN, new)


def test_an_action_and_its_line_in_the_trail_are_written_together(town: Town) -> None:
    person, member_id = added(town).person, town.member()
    done = perform(
        town.context,
        person,
        adjusting(town, member_id, 50),
        lambda outcome: Deed("member.adjusted", outcome.value.id, member_id, reason="Lost", detail={"points": 50}),
    )
    (action,) = list_actions(town.context).data
    assert (action.action, action.object_id, action.staff_name) == ("member.adjusted", done.value.id, "Olga")
    assert (action.reason, action.detail, action.created_at) == ("Lost", {"points": 50}, town.clock.at)
    assert get_balance(town.context, ADMIN, member_id).available == 50


def test_a_refused_action_leaves_neither_points_nor_a_line(town: Town) -> None:
    person, member_id = added(town).person, town.member()
    with pytest.raises(InsufficientBalance):
        perform(town.context, person, adjusting(town, member_id, -50), lambda _: Deed("member.adjusted"))
    assert list_actions(town.context).data == ()


def test_a_line_that_cannot_be_written_takes_the_points_back(town: Town) -> None:
    person, member_id = added(town).person, town.member()
    with pytest.raises(InvalidInput):
        perform(
            town.context, person, adjusting(town, member_id, 50), lambda _: Deed("member.adjusted", reason="x" * 501)
        )
    assert get_balance(town.context, ADMIN, member_id).available == 0


def test_the_trail_is_read_newest_first_by_whom_or_what_it_is_about(town: Town) -> None:
    olga, paul = added(town).person, added(town, "paul@example.com", "support").person
    member_id = town.member()

    def nothing(_: Context) -> None:
        return None

    for index, person in enumerate((olga, paul, olga)):
        about = member_id if index else None
        perform(
            town.context, person, nothing, lambda _, about=about, index=index: Deed(f"thing.done{index}", None, about)
        )
    assert [one.action for one in list_actions(town.context).data] == ["thing.done2", "thing.done1", "thing.done0"]
    assert [one.action for one in list_actions(town.context, staff_id=paul.id).data] == ["thing.done1"]
    assert [one.action for one in list_actions(town.context, member_id=member_id).data] == [
        "thing.done2",
        "thing.done1",
    ]
    first = list_actions(town.context, limit=2)
    rest = list_actions(town.context, limit=2, cursor=first.next_cursor)
    assert [one.action for one in rest.data] == ["thing.done0"]
    assert rest.next_cursor is None
