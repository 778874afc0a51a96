"""Segments of members: said by an admin, read by offers, kept as facts, found again by a rebuild."""

from __future__ import annotations

import json

import pytest
from ledger_town import ADMIN, Make, Town, rules
from sqlalchemy import select, update

from token_service.errors import Forbidden, InvalidInput, NotFound
from token_service.ledger import tables
from token_service.ledger.events import send_event
from token_service.ledger.inputs import NewEvent
from token_service.ledger.members import get_member
from token_service.ledger.merging import merge_members
from token_service.ledger.rebuild import check_rebuild, rebuild
from token_service.ledger.ruleset_replay import replay_purchases
from token_service.ledger.segments import set_segments
from token_service.program.ruleset import parse_ruleset

OFFER = "[{id: offer, when: '\"regulars\" in member.segments', award: {points: 50}}]"
GROUPS = rules(segments="[{id: regulars}, {id: press}]", campaigns=OFFER)


@pytest.fixture
def town(make: Make) -> Town:
    return make(GROUPS)


def label(town: Town, member: str, *segments: str) -> tuple[str, ...]:
    return set_segments(town.context, ADMIN, member, segments).segments


def told(town: Town, member: str) -> list[list[str]]:
    columns = tables.facts.c
    query = select(columns.detail).where(columns.member_id == member, columns.kind == "segments")
    with town.context.store.read() as connection:
        return [json.loads(text)["segments"] for text in connection.execute(query.order_by(columns.seq)).scalars()]


def test_an_offer_is_for_those_who_are_in_the_segment_when_they_buy(town: Town) -> None:
    member = town.member()
    points = [town.buy(member, 1_000).value.points]
    assert label(town, member, "regulars", "press", "regulars") == ("press", "regulars")
    points.append(town.buy(member, 1_000).value.points)
    assert label(town, member, "press") == ("press",)
    points.append(town.buy(member, 1_000).value.points)
    assert points == [10, 60, 10]
    town.check()


def test_only_a_change_is_recorded_and_a_rebuild_finds_it(town: Town) -> None:
    member = town.member()
    for segments in ((), ("press",), ("press",), ("press", "regulars"), ()):
        label(town, member, *segments)
    assert told(town, member) == [["press"], ["press", "regulars"], []]
    label(town, member, "regulars")
    with town.context.store.write() as connection:
        connection.execute(update(tables.members).where(tables.members.c.id == member).values(segments="press"))
    assert len(check_rebuild(town.context)) == 1
    rebuild(town.context)
    assert get_member(town.context, ADMIN, member).segments == ("regulars",)


def test_events_know_them_as_well(make: Make) -> None:
    earning = "rounding: floor}, {id: review, kind: event, event: review.written, points: 6}]"
    town = make(GROUPS.replace("rounding: floor}]", earning))
    member = town.member()
    label(town, member, "press")
    new = NewEvent(town.reference(), "review.written", town.clock.at, member)
    event = send_event(town.context, town.alice, new).value
    with town.context.store.read() as connection:
        query = select(tables.operations.c.facts).where(tables.operations.c.id == event.id)
        facts = connection.execute(query).scalar_one()
    assert facts["member"]["segments"] == ["press"]


def test_nobody_is_put_into_what_the_rules_do_not_know(town: Town, make: Make) -> None:
    member = town.member()
    with pytest.raises(InvalidInput) as wrong:
        label(town, member, "press", "vip")
    assert (wrong.value.places[0].pointer, wrong.value.places[0].detail) == (
        "/segments/1",
        "must be one of press, regulars",
    )
    with pytest.raises(Forbidden):
        set_segments(town.context, town.alice, member, ["press"])
    with pytest.raises(NotFound):
        label(town, "mem_nobody", "press")
    assert told(town, member) == []
    plain = make(rules())
    with pytest.raises(InvalidInput):
        label(plain, plain.member(), "press")


def test_the_account_that_stays_is_in_the_segments_of_both(town: Town) -> None:
    old, kept = town.member(), town.member()
    label(town, old, "regulars")
    label(town, kept, "press")
    merge_members(town.context, ADMIN, old, kept, "the same person")
    assert get_member(town.context, ADMIN, kept).segments == ("press", "regulars")
    assert town.buy(kept, 1_000).value.points == 60
    town.check()


def test_a_draft_is_tried_with_the_segments_of_today(make: Make) -> None:
    town = make(rules())
    member, other = town.member(), town.member()
    for one in (member, other):
        town.buy(one, 1_000)
    with town.context.store.write() as connection:  # as if rules with segments had been in force
        connection.execute(update(tables.members).where(tables.members.c.id == member).values(segments="gone regulars"))
    found = replay_purchases(town.context, parse_ruleset(GROUPS), 30)
    assert (found.given, found.other, found.gaining) == (20, 70, 1)
