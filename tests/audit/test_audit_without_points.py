"""A programme without points is audited like any other: its memberships, levels and purchases are on the chain."""

from __future__ import annotations

from pathlib import Path

from ledger_town import ADMIN

from token_service.ledger.benefit_using import use_benefit
from token_service.ledger.inputs import NewBenefitUse, NewMembership, NewReversal
from token_service.ledger.memberships import refund_membership, sell_membership
from token_service.ledger.rebuild import check_rebuild
from token_service.ledger.segments import set_segments

from .opened_programme import make_opened
from .test_honest_chain import explain

CLUB = (Path(__file__).parents[2] / "examples/club.yaml").read_text()
OFFERS = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris}
segments: [{id: neighbours}]
campaigns:
  - {id: always, when: '"neighbours" in member.segments', award: {benefit: pool}, limits: {per_member: {times: 1, every: P7D}}}
"""


def test_an_honest_club_holds(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    made = make_opened(node_url, tmp_path, keys_folder, CLUB)
    town = made.town
    member, other = town.member(), town.member()
    for one in (member, other):
        sold = sell_membership(town.context, town.alice, NewMembership(f"year-{one}", "circle", one))
    assert town.buy(member, 60_000).value.points == 0
    refund_membership(town.context, town.alice, sold.value.id, NewReversal("back"))
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert check_rebuild(town.context) == []


def test_an_honest_programme_of_offers_alone_holds(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    made = make_opened(node_url, tmp_path, keys_folder, OFFERS)
    town = made.town
    member = town.member()
    set_segments(town.context, ADMIN, member, ("neighbours",))
    assert use_benefit(town.context, town.alice, member, "pool", NewBenefitUse("swim-1")).use.left == 0
    assert town.buy(member, 60_000).value.points == 0
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert check_rebuild(town.context) == []
