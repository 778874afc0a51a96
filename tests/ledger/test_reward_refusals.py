"""Whatever the state of an account: a reward that a member may not have says why, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from ledger_town import ADMIN, Make, Town, rules
from sqlalchemy import update

from token_service.errors import MemberFrozen, MemberLeaving, ProgramPaused, Refused
from token_service.ledger import tables, views
from token_service.ledger.benefits import list_benefits
from token_service.ledger.closing import close_member
from token_service.ledger.members import freeze
from token_service.ledger.reward_standings import list_reward_standings

RULES = rules(
    tiers="{qualify_by: spend, window: {kind: lifetime}, levels: [{id: bronze, from: 0, benefits: [free-shipping]}]}",
    segments="[{id: press}]",
    rewards="""
  - {id: coffee, kind: gift, points: 10}
  - {id: dinner, kind: experience, points: 500}
  - {id: mug, kind: gift, points: 10, segments: [press]}
  - {id: early, kind: gift, points: 10, from: 2027-01-01}
""",
)
State = Callable[[Town, str], None]


def as_is(_town: Town, _member: str) -> None:
    """Nothing happens."""


def frozen(town: Town, member: str) -> None:
    freeze(town.context, ADMIN, member, "a lost card")


def closed(town: Town, member: str) -> None:
    close_member(town.context, ADMIN, member, "asked to", forfeit=True)


def paused(town: Town, _member: str) -> None:
    with town.context.store.write() as connection:
        connection.execute(update(tables.program).values(paused=True))


def ended(town: Town, _member: str) -> None:
    with town.context.store.write() as connection:
        connection.execute(update(tables.program).values(sunset_at=town.clock.at))


def in_state(state: str) -> State:
    def change(town: Town, member: str) -> None:
        with town.context.store.write() as connection:
            connection.execute(update(tables.members).where(tables.members.c.id == member).values(state=state))

    return change


def frozen_and(state: State) -> State:
    def change(town: Town, member: str) -> None:
        state(town, member)
        with town.context.store.write() as connection:
            connection.execute(update(tables.members).where(tables.members.c.id == member).values(frozen=True))

    return change


STATES: dict[str, tuple[State, str | None]] = {
    "active": (as_is, None),
    "frozen": (frozen, "member_frozen"),
    "closed": (closed, "member_leaving"),
    "leaving": (in_state("leaving"), "member_leaving"),
    "left": (in_state("left"), "member_leaving"),
    "frozen and leaving": (frozen_and(in_state("leaving")), "member_frozen"),
    "frozen and left": (frozen_and(in_state("left")), "member_frozen"),
    "frozen and closed": (frozen_and(closed), "member_frozen"),
    "paused": (paused, "program_paused"),
    "after the programme's end": (ended, None),
}
"""By state of the account or the programme, how to get there, and why points buy nothing there."""


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


@pytest.fixture
def member(town: Town) -> str:
    member = town.member()
    town.issue(member, 100)
    return member


def standings(town: Town, member: str) -> dict[str, views.RewardStanding]:
    return {one.id: one for one in list_reward_standings(town.context, ADMIN, member)}


def what_redeeming_says(town: Town, member: str, reward: str) -> str | None:
    try:
        town.redeem(member, None, reward_id=reward)
    except Refused as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize("name", STATES)
def test_a_refusal_always_says_why_and_what_is_missing(town: Town, member: str, name: str) -> None:
    """The issue's words, for an account in any state."""
    state, why = STATES[name]
    state(town, member)
    found = standings(town, member)
    for one in found.values():
        assert one.allowed == (not one.refusal and not one.missing_points), one
    assert (found["coffee"].allowed, found["coffee"].refusal.get("reason")) == (why is None, why)
    assert found["dinner"].missing_points == (500 if "closed" in name else 400)
    assert found["mug"].refusal["reason"] == "segment_needed", "what bars the reward itself is said first"
    assert found["early"].refusal["reason"] == "not_yet_open"
    assert what_redeeming_says(town, member, "coffee") == why


def test_it_tells_points_on_their_way_from_those_in_an_own_wallet(town: Town, member: str) -> None:
    for state in ("leaving", "left"):
        in_state(state)(town, member)
        assert standings(town, member)["coffee"].refusal == {"reason": "member_leaving", "state": state}
        with pytest.raises(MemberLeaving) as refused:
            town.redeem(member, None, reward_id="coffee")
        assert refused.value.facts == {"state": state}


def test_a_pause_that_ends_gives_the_rewards_back(town: Town, member: str) -> None:
    paused(town, member)
    with pytest.raises(ProgramPaused):
        town.redeem(member, None, reward_id="coffee")
    with town.context.store.write() as connection:
        connection.execute(update(tables.program).values(paused=False))
    town.clock.forward(timedelta(minutes=1))
    assert standings(town, member)["coffee"].allowed
    town.redeem(member, None, reward_id="coffee")


@pytest.mark.parametrize(
    ("name", "reason"), [("frozen", "member_frozen"), ("closed", "member_leaving"), ("left", "tier")]
)
def test_a_benefit_says_the_same_of_the_account_as_its_use_would(
    town: Town, member: str, name: str, reason: str
) -> None:
    STATES[name][0](town, member)
    (found,) = list_benefits(town.context, ADMIN, member)
    assert (found.granted, found.reason) == (reason == "tier", reason)


def test_who_is_frozen_and_left_hears_of_the_freeze(town: Town, member: str) -> None:
    frozen_and(in_state("left"))(town, member)
    with pytest.raises(MemberFrozen):
        town.redeem(member, None, reward_id="coffee")
