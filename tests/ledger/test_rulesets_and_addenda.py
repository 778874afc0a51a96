"""Which rules are in force: rulesets one after another, and addenda that add to one of them alone (CONTRACT §1)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from ledger_town import ADMIN, DAY, START, Make, Town, accept_by_chain, rules

from token_service.errors import ApprovalNeeded, Conflict
from token_service.ledger.context import Actor
from token_service.ledger.program_setup import get_program
from token_service.ledger.rulesets import draft, may_publish, publish, ruleset_in_force
from token_service.program.ruleset_lines import Published, in_force

REWARD = "rewards: [{id: coffee, kind: gift, points: 10}]\n"
MORE = "rewards: [{id: coffee, kind: gift, points: 10}, {id: tea, kind: gift, points: 5}]\n"


def publish_now(town: Town, document: str, at: datetime, base: str | None = None) -> str:
    drafted = draft(town.context, ADMIN, document, base)
    publish(town.context, ADMIN, drafted.hash, at)
    accept_by_chain(town, drafted.hash)
    return drafted.hash


def first_hash(town: Town) -> str:
    return ruleset_in_force(town.context, START).hash


def test_an_addendum_acts_at_once_and_ends_with_its_base(make: Make) -> None:
    town = make(rules())
    first = first_hash(town)
    doubled = publish_now(town, rules().replace("points: 1, per", "points: 2, per"), START + DAY)
    town.clock.forward(timedelta(hours=1))
    added = publish_now(town, rules() + REWARD, town.clock(), base=first)
    assert ruleset_in_force(town.context, town.clock()).hash == added
    town.clock.forward(DAY)
    assert ruleset_in_force(town.context, town.clock()).hash == doubled


def test_an_addendum_to_rules_that_are_over_brings_nothing_back(make: Make) -> None:
    town = make(rules())
    first = first_hash(town)
    doubled = publish_now(town, rules().replace("points: 1, per", "points: 2, per"), START + DAY)
    town.clock.forward(2 * DAY)
    publish_now(town, rules() + REWARD, town.clock(), base=first)
    town.clock.forward(timedelta(hours=1))
    assert ruleset_in_force(town.context, town.clock()).hash == doubled
    assert town.buy(town.member(), 1_000).value.points == 20
    program = get_program(town.context)
    assert program.ruleset is not None
    assert program.ruleset.hash == doubled
    town.check()


def test_an_addendum_that_the_chain_has_not_accepted_decides_nothing(make: Make) -> None:
    town = make(rules())
    first = first_hash(town)
    drafted = draft(town.context, ADMIN, rules() + REWARD, first)
    publish(town.context, ADMIN, drafted.hash, town.clock())
    assert ruleset_in_force(town.context, town.clock()).hash == first
    accept_by_chain(town, drafted.hash)
    assert ruleset_in_force(town.context, town.clock()).hash == drafted.hash


def test_a_base_has_one_addendum_which_has_the_next(make: Make) -> None:
    town = make(rules())
    first = first_hash(town)
    added = publish_now(town, rules() + REWARD, town.clock(), base=first)
    other = draft(town.context, ADMIN, rules() + MORE, first)
    with pytest.raises(Conflict) as refusal:
        publish(town.context, ADMIN, other.hash, town.clock())
    assert refusal.value.facts["existing_id"] == added
    assert publish_now(town, rules() + MORE, town.clock(), base=added) == other.hash
    assert ruleset_in_force(town.context, town.clock()).hash == other.hash


def test_a_draft_is_what_the_last_call_says(make: Make) -> None:
    town = make(rules())
    first = first_hash(town)
    assert draft(town.context, ADMIN, rules() + REWARD).base_hash is None
    assert draft(town.context, ADMIN, rules() + REWARD, first).base_hash == first
    publish_now(town, rules() + REWARD, town.clock(), base=first)
    with pytest.raises(Conflict):
        draft(town.context, ADMIN, rules() + REWARD)


def test_without_a_date_it_acts_as_soon_as_the_notice_allows(make: Make) -> None:
    town = make(rules())
    drafted = draft(town.context, ADMIN, rules().replace("points: 1, per", "points: 2, per"))
    published = publish(town.context, ADMIN, drafted.hash)
    assert published.effective_at == town.clock() + timedelta(minutes=1)
    town.clock.forward(timedelta(hours=1))
    assert publish(town.context, ADMIN, drafted.hash) == published


def test_before_the_first_ruleset_none_is_in_force() -> None:
    assert in_force([Published("0x01", START)], START - timedelta(seconds=1)) is None
    assert in_force([Published("0x01", START), Published("0x02", START, "0x01")], START) == "0x02"


GIFT = "campaigns: [{id: gift, award: {points: 5}, limits: {budget_points: %d}}]\n"


def test_publish_needs_a_second_person_above_a_configured_budget(make: Make) -> None:
    town = make(rules(limits="{publication_points: 100}"))
    mia, noe = Actor.admin("stf_mia"), Actor.admin("stf_noe")
    costly = draft(town.context, mia, rules(limits="{publication_points: 100}") + GIFT % 101)
    with pytest.raises(ApprovalNeeded) as refused:
        publish(town.context, mia, costly.hash, START + DAY)
    assert refused.value.facts == {"limit": 100}
    assert not may_publish(town.context, mia, costly.hash)
    assert draft(town.context, noe, costly.document).drafted_by == "stf_mia"
    published = publish(town.context, noe, costly.hash, START + DAY)
    assert (published.state, published.drafted_by, published.published_by) == ("publishing", "stf_mia", "stf_noe")
    assert publish(town.context, mia, costly.hash).state == "publishing"


def test_one_person_publishes_what_costs_no_more_than_that(make: Make) -> None:
    town = make(rules(limits="{publication_points: 100}"))
    mia = Actor.admin("stf_mia")
    first = draft(town.context, mia, rules(limits="{publication_points: 100}") + GIFT % 60)
    assert publish(town.context, mia, first.hash, START + DAY).published_by == "stf_mia"
    more = draft(town.context, mia, rules(limits="{publication_points: 100}") + GIFT % 160)
    assert publish(town.context, mia, more.hash, START + 2 * DAY).published_by == "stf_mia"
    loose = draft(town.context, mia, rules() + GIFT % 160)
    with pytest.raises(ApprovalNeeded):
        publish(town.context, mia, loose.hash, START + 3 * DAY)


def test_an_addendum_needs_one_too(make: Make) -> None:
    town = make(rules(limits="{publication_points: 100}"))
    mia = Actor.admin("stf_mia")
    text = rules(limits="{publication_points: 100}") + GIFT % 101
    drafted = draft(town.context, mia, text, first_hash(town))
    with pytest.raises(ApprovalNeeded):
        publish(town.context, mia, drafted.hash)
    assert publish(town.context, Actor.admin("stf_noe"), drafted.hash).state == "publishing"
