"""Lies about benefits that only the replay can notice: one use too many, one that nothing grants, one taken back twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_town import ADMIN

from token_service.ledger.benefit_using import reverse_use, use_benefit
from token_service.ledger.inputs import NewBenefitUse, NewMembership, NewUseReversal
from token_service.ledger.memberships import sell_membership
from token_service.ledger.merging import merge_members
from token_service.ledger.segments import set_segments
from token_service.ledger.views import BenefitUsed

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import DAY, lie, saying

RULES = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100}]
tiers:
  qualify_by: spend
  window: {kind: lifetime}
  levels:
    - {id: bronze, from: 0, benefits: [newsletter]}
    - {id: silver, from: 5000, benefits: [newsletter, {id: lounge, times: 2, every: P1Y}]}
memberships:
  - {id: club, price: 2900, period: P1M, benefits: [{id: guest, times: 1}]}
segments: [{id: neighbours}]
campaigns:
  - {id: always, when: '"neighbours" in member.segments', award: {benefit: pool}, limits: {per_member: {times: 1, every: P7D}}}
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def use(made: OpenedProgramme, member: str, benefit: str = "lounge") -> BenefitUsed:
    new = NewBenefitUse(made.town.reference(), note="at the door")
    return use_benefit(made.town.context, made.town.alice, member, benefit, new).use


def take_back(made: OpenedProgramme, used: BenefitUsed) -> None:
    new = NewUseReversal(made.town.reference(), "a mistake")
    where = {"use_id": used.id, "member_id": used.member_id, "benefit": used.benefit}
    reverse_use(made.town.context, made.town.alice, new, **where)


def silver(made: OpenedProgramme) -> str:
    member = made.town.member()
    made.town.buy(member, 6_000)
    return member


def honest(made: OpenedProgramme) -> None:
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def forget(made: OpenedProgramme, statement: str) -> None:
    with made.town.context.store.write() as connection:
        connection.exec_driver_sql(statement)


def test_facts_that_move_no_points_are_leaves_too_and_honest_uses_hold(made: OpenedProgramme) -> None:
    """The issue: "facts that move no points are leaves too; the auditor's replay covers every new rule"."""
    member, other = silver(made), silver(made)
    first = use(made, member)
    use(made, other)
    use(made, member, "newsletter")
    take_back(made, first)
    use(made, member)
    sell_membership(made.town.context, made.town.alice, NewMembership("club-1", "club", member_id=member))
    use(made, member, "guest")
    set_segments(made.town.context, ADMIN, member, ["neighbours"])
    use(made, member, "pool")
    made.town.clock.at += 8 * DAY
    use(made, member, "pool")
    merge_members(made.town.context, ADMIN, other, member, "one person")
    made.town.clock.at += DAY
    use(made, member, "newsletter")
    honest(made)


def test_a_use_beyond_its_limit(made: OpenedProgramme) -> None:
    """The ledger forgets the first one."""
    member = silver(made)
    use(made, member)
    use(made, member)
    honest(made)
    forget(made, "update benefit_uses set reversed_at = used_at")
    use(made, member)
    made.settle()
    (wrong,) = findings(made.audit(), "benefits")
    assert wrong.detail == "the benefit lounge is used beyond its limit"
    assert (wrong.expected, wrong.found) == ("at most 2 in P1Y", "2 before this one")


def test_uses_of_an_account_that_became_part_of_another_count(made: OpenedProgramme) -> None:
    member, other = silver(made), silver(made)
    use(made, member)
    use(made, other)
    merge_members(made.town.context, ADMIN, other, member, "one person")
    forget(made, "update benefit_uses set reversed_at = used_at")
    use(made, member)
    made.settle()
    (wrong,) = findings(made.audit(), "benefits")
    assert "beyond its limit" in wrong.detail


def test_a_use_that_nothing_grants(made: OpenedProgramme) -> None:
    member = made.town.member()
    use(made, member, "newsletter")

    def better(leaf: Settling) -> Settling:
        return saying(leaf, facts=leaf.detail["facts"] | {"benefit": "lounge"})

    (wrong,) = findings(lie(made, "benefit_use", better), "benefits")
    assert wrong.detail == "the benefit lounge is used and nothing grants it"
    assert (wrong.expected, wrong.found) == ("tier_needed", "tier")


def test_another_grant_than_the_rules(made: OpenedProgramme) -> None:
    use(made, silver(made))

    def generous(leaf: Settling) -> Settling:
        return saying(leaf, decision=leaf.detail["decision"] | {"times": 9, "left": 8})

    (wrong,) = findings(lie(made, "benefit_use", generous), "benefits")
    assert "what grants the benefit lounge" in wrong.detail


def test_a_segment_that_the_member_is_not_in(made: OpenedProgramme) -> None:
    member = made.town.member()
    set_segments(made.town.context, ADMIN, member, ["neighbours"])
    use(made, member, "pool")

    def stranger(leaf: Settling) -> Settling:
        return saying(leaf, segments=[])

    wrong = findings(lie(made, "segments", stranger), "history")
    assert any("segments" in one.detail for one in wrong)


def test_a_use_taken_back_twice(made: OpenedProgramme) -> None:
    member = silver(made)
    used = use(made, member)
    take_back(made, used)
    honest(made)
    forget(made, "update benefit_uses set reversed_at = null")
    take_back(made, used)
    made.settle()
    (wrong,) = findings(made.audit(), "benefits")
    assert wrong.detail == "the use of a benefit is taken back twice"
