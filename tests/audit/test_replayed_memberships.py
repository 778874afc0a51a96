"""Lies about memberships that only the replay can notice: a period too long, one that is not held, one kept after its refund."""

from __future__ import annotations

from pathlib import Path

import pytest

from token_service.ledger.inputs import NewMembership, NewReversal
from token_service.ledger.memberships import refund_membership, sell_membership

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import DAY, RULES, lie, saying

MEMBERSHIPS = """
memberships:
  - {id: club, price: 2900, period: P1M, grace: P5D, multiplier_percent: 150, points: 100}
  - {id: press, price: 500, period: P1M}
"""


REWARDS = (
    "{id: dinner, kind: gift, points: 10, memberships: [press]}",
    "{id: once, kind: gift, points: 5, per_member: {times: 1}}",
)


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    rules = RULES.replace("points: 40}]", f"points: 40}}, {', '.join(REWARDS)}]")
    return make_opened(node_url, tmp_path, keys_folder, rules + MEMBERSHIPS)


def sell(made: OpenedProgramme, member: str, membership: str = "club") -> str:
    new = NewMembership(made.town.reference(), membership, member_id=member)
    return sell_membership(made.town.context, made.town.alice, new).value.id


def refund(made: OpenedProgramme, membership_id: str) -> None:
    refund_membership(made.town.context, made.town.alice, membership_id, NewReversal(made.town.reference()))


def honest(made: OpenedProgramme) -> None:
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def test_an_honest_programme_with_memberships_holds(made: OpenedProgramme) -> None:
    member = made.town.member()
    sold = sell(made, member)
    sell(made, member)
    sell(made, member, "press")
    made.town.buy(member, 2_500)
    made.town.redeem(member, None, reward_id="dinner")
    made.town.clock.at += 20 * DAY
    refund(made, sold)
    made.town.buy(member, 2_500)
    made.town.clock.at += 30 * DAY
    made.town.buy(member, 2_500)
    honest(made)


def test_a_period_longer_than_the_rules_say(made: OpenedProgramme) -> None:
    sell(made, made.town.member(), "press")

    def longer(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        period = facts["membership"] | {"ends_at": "2036-01-01T00:00:00Z", "keeps_until": "2036-01-01T00:00:00Z"}
        return saying(leaf, facts=facts | {"membership": period})

    (wrong,) = findings(lie(made, "event", longer), "awards")
    assert wrong.detail == "the period of a bought membership is another"


def test_a_purchase_with_a_membership_that_was_never_bought(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 2_500)

    def as_a_member(leaf: Settling) -> Settling:
        facts, base = leaf.detail["facts"], leaf.detail["breakdown"][0]
        more = {"rule": "membership:club", "points": 12, "why": "150 %: 25 points become 37, rounded down"}
        told = facts | {"member": facts["member"] | {"memberships": ["club"]}}
        return saying(leaf, amount=37, points=37, awarded=37, facts=told, breakdown=[base, more])

    (wrong,) = findings(lie(made, "issuance", as_a_member), "awards")
    assert wrong.detail == "the memberships held is another"


def test_a_membership_that_acts_after_its_refund(made: OpenedProgramme) -> None:
    """The ledger forgets the refund of a membership."""
    member = made.town.member()
    sold = sell(made, member)
    refund(made, sold)
    honest(made)
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql("update member_memberships set ended_at = null")
    made.town.clock.at += DAY
    made.town.buy(member, 2_500)
    made.settle()
    (wrong,) = findings(made.audit(), "awards")
    assert (wrong.expected, wrong.found) == ("()", "('club',)")


def test_a_reward_given_more_often_than_a_member_may(made: OpenedProgramme) -> None:
    """The ledger forgets the first one."""
    member = made.town.member()
    made.town.issue(member, 50)
    made.town.redeem(member, None, reward_id="once")
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql(
            "update operations set facts = replace(facts, 'once', 'gone') where kind = 'redemption'"
        )
    made.town.redeem(member, None, reward_id="once")
    made.settle()
    (wrong,) = findings(made.audit(), "rewards")
    assert "had_already" in str(wrong.expected)


def test_a_reward_of_members_given_to_another(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.issue(member, 50)
    sold = sell(made, member, "press")
    refund(made, sold)
    honest(made)
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql("update member_memberships set ended_at = null")
    made.town.clock.at += DAY
    made.town.redeem(member, None, reward_id="dinner")
    made.settle()
    (wrong,) = findings(made.audit(), "rewards")
    assert "membership_needed" in str(wrong.expected)
