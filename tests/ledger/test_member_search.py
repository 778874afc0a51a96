"""Members found by what somebody says of them, and one member's story; on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import InvalidInput, NotFound
from token_service.ledger.inputs import NewMember
from token_service.ledger.member_search import search_members
from token_service.ledger.member_story import actor_names, known_by, open_lots_of, story
from token_service.ledger.members import enrol, freeze, get_member
from token_service.ledger.merchants import find_merchant
from token_service.ledger.staff import NewPerson, add_person


def enrolled(town: Town, external_id: str, **more: Any) -> str:
    return enrol(town.context, town.alice, NewMember(external_id, **more)).member.id


def found(town: Town, text: str) -> list[str]:
    return [one.id for one in search_members(town.context, text).data]


def test_a_member_is_found_by_all_that_names_them_whole_or_begun_whatever_the_case(town: Town) -> None:
    elodie = enrolled(town, "CARD-0042", email="Elodie.Martin@example.com", name="Élodie Martin")
    other = enrolled(town, "CARD-0099", email="zoe@example.com", name="Zoé Dupont")
    address = get_member(town.context, ADMIN, elodie).address
    texts = (elodie, "elodie.martin@example.com", "ELODIE.M", "Élodie", "élo", "ÉLODIE MARTIN", "martin", "MART")
    for text in (*texts, "card-0042", "CARD-004", address, address[:12].lower(), f"  {address.upper()[:9]} "):
        assert found(town, text) == [elodie], text
    assert found(town, "card-") == [elodie, other]
    for text in ("nobody", "lodie", "artin", "example.com", elodie[:12]):
        assert found(town, text) == [], text


def test_signs_of_patterns_mean_themselves(town: Town) -> None:
    enrolled(town, "a", name="Anna")
    percent = enrolled(town, "b", name="100% Bio")
    assert found(town, "%") == []
    assert found(town, "_nna") == []
    assert found(town, "100%") == [percent]
    assert found(town, "'; drop table members; --") == []


def test_pages_follow_one_another_without_gap_or_repeat(town: Town) -> None:
    made = sorted(
        enrolled(town, f"card-{number}", name="Anna", email=f"anna{number}@example.com") for number in range(7)
    )
    seen: list[str] = []
    cursor = None
    for size in (3, 3, 1):
        page = search_members(town.context, "anna", limit=3, cursor=cursor)
        assert len(page.data) == size
        seen += [one.id for one in page.data]
        cursor = page.next_cursor
    assert (seen, cursor) == (made, None)


def test_without_a_text_the_newest_come_first_and_each_says_all_its_cards(town: Town) -> None:
    first, second = enrolled(town, "one"), enrolled(town, "two", name="Bob")
    assert sorted(found(town, ""), reverse=True) == found(town, " ")
    shown = {one.id: one for one in search_members(town.context, "").data}
    assert set(shown) == {first, second}
    assert (shown[second].external_ids, shown[second].merchant_name, shown[second].available) == (("two",), "Alice", 0)


def test_the_story_has_every_entry_and_fact_once_in_order(make: Make) -> None:
    town = make(rules(return_window="P14D"))
    member = town.member()
    bought = town.buy(member, 10_000).value
    town.clock.forward(DAY)
    town.refund(bought.id, 2_000)
    town.pass_time(14 * DAY)
    town.redeem(member, 30)
    town.adjust(member, -5)
    freeze(town.context, ADMIN, member, "lost card")
    whole = story(town.context, member, limit=100)
    kinds = [line.kind for line in whole.data]
    assert kinds == ["frozen", "adjustment", "redemption", "issuance", "award_cut", "award_pending"]
    assert [line.points for line in whole.data] == [0, -5, -30, 80, 0, 0]
    parts, cursor = [], None
    while True:
        page = story(town.context, member, limit=2, cursor=cursor)
        parts += page.data
        cursor = page.next_cursor
        if cursor is None:
            break
    assert parts == list(whole.data)


def test_a_story_is_of_one_member_and_its_cursor_cannot_be_made_up(town: Town) -> None:
    member, other = town.member(), town.member()
    town.buy(other, 5_000)
    assert story(town.context, member).data == ()
    with pytest.raises(NotFound):
        story(town.context, "mem_nobody")
    for cursor in ("MQ", "MV8yXzNfNA", "nonsense!"):
        with pytest.raises(InvalidInput):
            story(town.context, member, cursor=cursor)


def test_open_lots_come_in_the_order_in_which_they_will_be_used(make: Make) -> None:
    town = make(rules(expiry="{kind: fixed, period: P2M}"))
    member = town.member()
    town.buy(member, 5_000)
    town.clock.forward(10 * DAY)
    town.issue(member, 20, actor=town.alice)
    town.redeem(member, 15)
    lots = open_lots_of(town.context, member)
    assert [(lot.left, lot.points, lot.merchant_name) for lot in lots] == [(35, 50, "Alice"), (20, 20, "Alice")]
    assert lots[0].expires_at is not None
    assert lots[1].expires_at is not None
    assert lots[0].expires_at < lots[1].expires_at
    assert sum(lot.left for lot in lots) == town.balance(member).available


def test_it_says_which_merchants_know_a_member_and_who_acted(town: Town) -> None:
    member = enrolled(town, "CARD-1")
    alice = find_merchant(town.context, ADMIN, "Alice")
    assert alice is not None
    assert [(one.merchant_id, one.external_id) for one in known_by(town.context, member)] == [(alice.id, "CARD-1")]
    person = add_person(town.context, ADMIN, NewPerson("o@example.com", "Olga", "owner")).person
    assert actor_names(town.context, [person.id, "service", "cli"]) == {person.id: "Olga"}
