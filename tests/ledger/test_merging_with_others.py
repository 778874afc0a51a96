"""Accounts that become one while others act, by two people where many points move, and after the contract refused something."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from ledger_town import ADMIN, Make, Town, rules
from sqlalchemy import select, update
from test_merging import available, both, merge

from token_service.ledger import tables
from token_service.ledger.colleagues import company_of
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import enrol, get_member, unfreeze
from token_service.ledger.merge_requests import open_requests
from token_service.ledger.merging import merge_members
from token_service.ledger.settlement_tables import leaves
from token_service.ledger.users import add_user, is_persons, list_user_changes, list_users
from token_service.ledger.voids import void_skipped


@pytest.fixture
def town(make: Make) -> Town:
    return make()


def test_staff_reach_an_account_of_their_own_by_none_of_its_ids_and_addresses(town: Town) -> None:
    old = enrol(town.context, town.alice, NewMember("a", email="old@example.com")).member.id
    kept = enrol(town.context, town.alice, NewMember("b", email="kept@example.com")).member.id
    merge(town, old, kept)
    with town.context.store.read() as connection:
        for member in (old, kept):
            for email in ("old@example.com", "kept@example.com"):
                assert is_persons(connection, member, email)
            assert not is_persons(connection, member, "else@example.com")


def test_many_points_are_moved_by_two_people(make: Make) -> None:
    town = make(rules(limits="{adjustment_points: 50}", return_window="P5D"))
    old, kept = both(town)
    third, bob = town.member(), Actor.admin("bob")
    town.issue(old, 30)
    town.buy(old, 2_100)

    def ask(actor: Actor, into: str, reason: str = "showed a passport") -> bool:
        return merge_members(town.context, actor, old, into, reason).waits

    assert [ask(ADMIN, kept), ask(ADMIN, kept), ask(bob, third), ask(ADMIN, kept)] == [True] * 4
    assert (available(town, old), available(town, kept)) == (30, 0)
    (asked,) = open_requests(town.context, ADMIN)
    assert (asked.member_id, asked.into_id, asked.asked_by, asked.reason) == (
        old,
        kept,
        ADMIN.name,
        "showed a passport",
    )
    assert not ask(bob, kept, "saw it, too")
    assert (available(town, kept), town.balance(kept).pending) == (30, 21)
    assert open_requests(town.context, ADMIN) == ()
    columns = tables.operations.c
    with town.context.store.read() as connection:
        facts = connection.execute(select(columns.facts).where(columns.kind == "merge")).scalar_one()
    assert (facts["actor"], facts["approved_by"], facts["reason"]) == (ADMIN.name, bob.name, "showed a passport")
    few = town.member()
    town.issue(few, 50)
    assert merge(town, few, kept) == kept
    town.check()


def test_what_the_contract_refused_of_the_old_account_goes_on_once_a_person_has_looked(town: Town) -> None:
    old, kept = both(town)
    town.issue(old, 50)
    town.redeem(old, 20)
    merge(town, old, kept)
    with town.context.store.write() as connection:
        columns = tables.entries.c
        spent = connection.execute(select(columns.id).where(columns.points == -20)).scalar_one()
        connection.execute(update(leaves).where(leaves.c.id == spent).values(skip_reason=4))
        void_skipped(connection, town.context, spent, 4)
    assert get_member(town.context, ADMIN, kept).frozen
    assert available(town, kept) == 30
    assert not unfreeze(town.context, ADMIN, old, "looked").frozen
    assert available(town, kept) == 50
    with town.context.store.read() as connection:
        frozen = connection.execute(select(tables.members.c.id).where(tables.members.c.frozen)).all()
    assert frozen == []
    town.check()


def test_whoever_buys_or_gives_back_while_it_happens_finds_one_account(make: Make) -> None:
    town = make()
    old, kept = both(town)
    bought = [town.buy(old, 1_000).value.id for _ in range(6)]
    works = [lambda: merge(town, old, kept)] * 2
    works += [lambda one=one: town.refund(one, 400).value.member_id for one in bought]  # type: ignore[misc]
    works += [lambda: town.buy(old, 500).value.member_id for _ in range(6)]
    with ThreadPoolExecutor(8) as tills:
        list(tills.map(lambda work: work(), works))
    assert available(town, kept) == 6 * 6 + 6 * 5
    with town.context.store.read() as connection:
        owner = connection.execute(select(tables.operations.c.member_id).distinct()).scalars().all()
        left = connection.execute(select(tables.members.c.available).where(tables.members.c.id == old)).scalar_one()
    assert (owner, left) == ([kept], 0)
    town.check()


class TestPeopleOfACompany:
    def test_who_signed_in_to_the_one_does_not_sign_in_to_the_other_and_the_trail_says_so(self, town: Town) -> None:
        old, kept = town.member(), town.member()
        for member, email in ((old, "lea@example.com"), (kept, "tom@example.com")):
            add_user(town.context, town.alice, member, email)
        merge_members(town.context, ADMIN, old, kept, "the same garage")
        assert [one.email for one in list_users(town.context, town.alice, kept)] == ["tom@example.com"]
        changes = list_user_changes(town.context, town.alice, kept, most=10)
        assert [(one.change, one.email) for one in changes] == [
            ("removed", "lea@example.com"), ("added", "tom@example.com"), ("added", "lea@example.com"),
        ]  # fmt: skip
        assert changes[0].done_by == ADMIN.name

    def test_an_address_that_becomes_the_accounts_own_is_not_one_beside_it(self, town: Town) -> None:
        old = enrol(town.context, town.alice, NewMember("old-card", email="lea@example.com")).member.id
        kept = town.member()
        add_user(town.context, town.alice, kept, "lea@example.com")
        merge_members(town.context, ADMIN, old, kept, "the same garage")
        assert list_users(town.context, town.alice, kept) == ()
        company = company_of(town.context, kept)
        assert (company.email, company.count) == ("lea@example.com", 1)
