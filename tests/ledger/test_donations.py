"""Points given to causes: burnt, counted in public, once under their reference."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import (
    CallerError,
    Conflict,
    Forbidden,
    InsufficientBalance,
    InvalidInput,
    MemberFrozen,
    NotFound,
    ReferenceConflict,
)
from token_service.ledger import views
from token_service.ledger.causes import close_cause, create_cause, list_causes
from token_service.ledger.context import Actor
from token_service.ledger.donations import donate, find_donation, get_donation
from token_service.ledger.inputs import NewDonation, NewMerchant
from token_service.ledger.members import freeze
from token_service.ledger.merchants import create_merchant
from token_service.ledger.rebuild import rebuild


@pytest.fixture
def town(make: Make) -> Town:
    return make(rules(expiry="{kind: fixed, period: P10D}"))


@pytest.fixture
def cause(town: Town) -> views.Cause:
    return create_cause(town.context, ADMIN, "Banque alimentaire")


@pytest.fixture
def member(town: Town) -> str:
    made = town.member()
    town.buy(made, 10_000)
    return made


def give(town: Town, member_id: str, cause_id: str, points: int = 60, **more: Any) -> views.Outcome[views.Donation]:
    actor = more.pop("actor", town.alice)
    given = {"reference": town.reference(), "member_id": member_id, "points": points, "cause_id": cause_id}
    return donate(town.context, actor, NewDonation(**(given | more)))


def total(town: Town, cause_id: str) -> tuple[int, int]:
    found = next(one for one in list_causes(town.context) if one.id == cause_id)
    return found.donated, found.donations


def test_donating_n_points_burns_them_and_credits_the_causes_public_running_total(
    town: Town, member: str, cause: views.Cause
) -> None:
    """Number 19 of the brief's list."""
    done = give(town, member, cause.id)
    assert (done.value.points, done.value.cause_name, done.value.value.amount) == (60, "Banque alimentaire", 600)
    (entry,) = done.entries
    assert (entry.kind, entry.points, entry.facts["cause_name"]) == ("donation", -60, "Banque alimentaire")
    assert done.promise is not None
    assert done.promise.party == cause.party
    assert done.balance.available == 40
    give(town, member, cause.id, 10)
    assert total(town, cause.id) == (70, 2)
    town.check()
    rebuild(town.context)
    town.check()


def test_a_member_gives_under_the_programmes_name_and_only_their_own_points(
    town: Town, member: str, cause: views.Cause
) -> None:
    done = give(town, member, cause.id, actor=Actor.member(member))
    assert done.value.merchant_id not in (town.alice.merchant_id, town.charlie.merchant_id)
    with pytest.raises(Forbidden):
        give(town, member, cause.id, actor=Actor.member(town.member()))


def test_no_number_belongs_to_a_cause_and_a_merchant(town: Town, cause: views.Cause) -> None:
    merchant = create_merchant(town.context, ADMIN, NewMerchant("Dora"))
    other = create_cause(town.context, ADMIN, "Refuge")
    assert [cause.party, merchant.party, other.party] == [4, 5, 6]

    def make(number: int) -> int:
        if number % 2:
            return create_cause(town.context, ADMIN, f"Cause {number}").party
        return create_merchant(town.context, ADMIN, NewMerchant(f"Shop {number}")).party

    with ThreadPoolExecutor(6) as makers:
        assert sorted(makers.map(make, range(12))) == list(range(7, 19))


def test_a_name_is_taken_once(town: Town, cause: views.Cause) -> None:
    with pytest.raises(Conflict) as refused:
        create_cause(town.context, ADMIN, cause.name)
    assert refused.value.facts["existing_id"] == cause.id
    with pytest.raises(Forbidden):
        create_cause(town.context, town.alice, "Refuge")


def test_a_closed_cause_takes_no_more_and_keeps_its_total(town: Town, member: str, cause: views.Cause) -> None:
    give(town, member, cause.id)
    for _ in range(2):
        closed = close_cause(town.context, ADMIN, cause.id)
        assert (closed.is_open, closed.donated) == (False, 60)
    with pytest.raises(Conflict):
        give(town, member, cause.id, 10)
    assert total(town, cause.id) == (60, 1)


def test_the_same_reference_gives_once_and_with_other_content_is_a_conflict(
    town: Town, member: str, cause: views.Cause
) -> None:
    reference = town.reference()
    first, again = (give(town, member, cause.id, reference=reference) for _ in range(2))
    assert (again.replayed, again.value, town.balance(member).available) == (True, first.value, 40)
    with pytest.raises(ReferenceConflict):
        give(town, member, cause.id, 61, reference=reference)
    assert find_donation(town.context, town.alice, reference) == first.value
    assert get_donation(town.context, town.alice, first.value.id) == first.value
    with pytest.raises(NotFound):
        get_donation(town.context, town.charlie, first.value.id)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"points": 0}, InvalidInput),
        ({"points": 101}, InsufficientBalance),
        ({"cause_id": "cau_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, NotFound),
        ({"member_id": "mem_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, NotFound),
        ({"reference": ""}, InvalidInput),
    ],
)
def test_bad_input_is_refused_and_gives_nothing(
    town: Town, member: str, cause: views.Cause, change: dict[str, Any], error: type[CallerError]
) -> None:
    with pytest.raises(error):
        give(town, **({"member_id": member, "cause_id": cause.id} | change))
    assert (town.balance(member).available, total(town, cause.id)) == (100, (0, 0))


def test_expired_points_are_not_given_and_a_frozen_member_gives_none(
    town: Town, member: str, cause: views.Cause
) -> None:
    freeze(town.context, ADMIN, member, "under investigation")
    with pytest.raises(MemberFrozen):
        give(town, member, cause.id)
    other = town.member()
    town.buy(other, 10_000)
    town.clock.forward(11 * DAY)
    with pytest.raises(InsufficientBalance):
        give(town, other, cause.id, 1)
