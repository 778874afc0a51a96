"""The code that a member shows: whom it opens them to, how long, and that nobody guesses it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from ledger_town import ADMIN, Town
from sqlalchemy import func, select

from token_service.errors import Conflict, Forbidden, MemberCodeExpired, NotFound, TooManyRequests
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewMember
from token_service.ledger.member_codes import ALIVE_MAX, FAILURES_MAX, FAILURES_SPAN, LIFETIME, member_by_code, new_code
from token_service.ledger.members import enrol, get_member
from token_service.ledger.staff_tables import member_code_attempts, member_codes

SECOND = timedelta(seconds=1)


def shown(town: Town, member_id: str) -> str:
    return new_code(town.context, Actor.member(member_id)).code


def count(town: Town, table: object) -> int:
    with town.context.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def wrong(town: Town, actor: Actor, code: str = "ZZZZ-ZZZZ") -> None:
    with pytest.raises(MemberCodeExpired):
        member_by_code(town.context, actor, code)


def test_a_code_is_eight_characters_that_nobody_misreads(town: Town) -> None:
    made = new_code(town.context, Actor.member(town.member()))
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", made.code)
    assert made.expires_at == town.clock() + timedelta(minutes=5)
    assert made.code not in repr(made)


def test_it_leads_to_the_member_who_shows_it(town: Town) -> None:
    member = town.member()
    town.buy(member, 1_000)
    found = member_by_code(town.context, town.alice, shown(town, member))
    assert (found.id, found.balance.available) == (member, 10)


def test_capitals_spaces_hyphens_and_misread_letters_make_no_difference(town: Town) -> None:
    member = town.member()
    while not set("01") <= set(code := shown(town, member)):
        town.clock.forward(SECOND)
    for typed in (
        code.lower(),
        code.replace("-", ""),
        f"  {code.replace('-', ' ')}\n",
        code.replace("0", "O").replace("1", "I"),
        code.replace("0", "o").replace("1", "l"),
    ):
        assert member_by_code(town.context, town.alice, typed).id == member


def test_a_till_may_ask_again(town: Town) -> None:
    code = shown(town, town.member())
    assert member_by_code(town.context, town.alice, code) == member_by_code(town.context, town.alice, code)


def test_a_screenshot_dies_after_five_minutes(town: Town) -> None:
    member = town.member()
    code = shown(town, member)
    town.clock.forward(LIFETIME - SECOND)
    assert member_by_code(town.context, town.alice, code).id == member
    town.clock.forward(SECOND)
    with pytest.raises(MemberCodeExpired, match="ask the member to show a new one"):
        member_by_code(town.context, town.alice, code)


def test_unknown_expired_and_impossible_codes_are_told_alike(town: Town) -> None:
    expired = shown(town, town.member())
    town.clock.forward(LIFETIME)
    told = set()
    for code in (expired, "ZZZZ-ZZZZ", "12", "ÉÉÉÉ-ÉÉÉÉ", "UUUU-UUUU", "x" * 1_000):
        with pytest.raises(MemberCodeExpired) as refusal:
            member_by_code(town.context, town.alice, code)
        told.add((refusal.value.code, refusal.value.detail))
    assert len(told) == 1


def test_a_member_who_shows_it_is_seen_by_that_merchant_and_no_other(town: Town) -> None:
    new = NewMember("card-1", email="ada@example.com", name="Ada")
    member = enrol(town.context, town.alice, new).member.id
    with pytest.raises(NotFound):
        get_member(town.context, town.charlie, member)
    found = member_by_code(town.context, town.charlie, shown(town, member))
    assert (found.id, found.external_id, found.name, found.email) == (member, member, "Ada", None)
    assert get_member(town.context, town.charlie, member) == found
    town.buy(member, 700, actor=town.charlie)
    assert town.balance(member).available == 7
    assert get_member(town.context, town.alice, member).email == "ada@example.com"


def test_a_merchant_that_knows_the_member_keeps_its_own_name_for_them(town: Town) -> None:
    member = enrol(town.context, town.alice, NewMember("card-2")).member.id
    assert member_by_code(town.context, town.alice, shown(town, member)).external_id == "card-2"


def test_a_member_whose_id_another_one_was_enrolled_under_is_refused(town: Town) -> None:
    member = town.member()
    enrol(town.context, town.charlie, NewMember(member))
    with pytest.raises(Conflict):
        member_by_code(town.context, town.charlie, shown(town, member))


def test_an_admin_names_the_merchant_that_it_is_shown_to(town: Town) -> None:
    member = town.member()
    member_by_code(town.context, ADMIN, shown(town, member), town.charlie.merchant_id)
    assert get_member(town.context, town.charlie, member).id == member


def test_only_a_member_has_a_code(town: Town) -> None:
    for actor in (town.alice, ADMIN):
        with pytest.raises(Forbidden):
            new_code(town.context, actor)


def test_several_live_at_once_and_the_oldest_makes_room(town: Town) -> None:
    member, other = town.member(), town.member()
    kept = shown(town, other)
    codes = []
    for _ in range(ALIVE_MAX + 1):
        codes.append(shown(town, member))
        town.clock.forward(SECOND)
    wrong(town, town.alice, codes[0])
    for code in codes[1:]:
        assert member_by_code(town.context, town.alice, code).id == member
    assert member_by_code(town.context, town.alice, kept).id == other


def test_codes_of_the_past_are_deleted_and_none_is_stored(town: Town) -> None:
    for _ in range(3):
        shown(town, town.member())
    town.clock.forward(LIFETIME)
    code = shown(town, town.member())
    with town.context.store.read() as connection:
        rows = connection.execute(select(member_codes)).all()
    assert len(rows) == 1
    assert code.replace("-", "") not in str(rows)


def test_who_guesses_is_stopped_and_others_are_not(town: Town) -> None:
    code = shown(town, town.member())
    for _ in range(FAILURES_MAX):
        wrong(town, town.alice)
    with pytest.raises(TooManyRequests) as refusal:
        member_by_code(town.context, town.alice, code)
    assert refusal.value.retry_after_seconds == 300
    assert member_by_code(town.context, town.charlie, code)
    town.clock.forward(FAILURES_SPAN)
    wrong(town, town.alice)
    assert count(town, member_code_attempts) == 1


def test_what_cannot_be_a_code_is_no_guess(town: Town) -> None:
    wrong(town, town.alice, "card-42")
    assert count(town, member_code_attempts) == 0
