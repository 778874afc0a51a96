"""Lies about the segments that members are in."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_town import ADMIN

from token_service.ledger.segments import set_segments

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_lies import RULES, lie, saying

OFFER = """segments: [{id: regulars}]
campaigns: [{id: offer, when: '"regulars" in member.segments', award: {points: 50}}]
"""


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES + OFFER)


def test_an_honest_segment_holds_and_a_purchase_that_claims_one_is_named(made: OpenedProgramme) -> None:
    member = made.town.member()
    set_segments(made.town.context, ADMIN, member, ["regulars"])
    made.town.buy(member, 1_000)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    made.town.buy(made.town.member(), 1_000)

    def claiming(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        lines = [*leaf.detail["breakdown"], {"rule": "offer", "points": 50, "why": "campaign bonus"}]
        return saying(
            leaf, amount=60, points=60, awarded=60, breakdown=lines,
            facts=facts | {"member": facts["member"] | {"segments": ["regulars"]}},
        )  # fmt: skip

    (wrong,) = findings(lie(made, "issuance", claiming), "history")
    assert "the segments that the member is in" in wrong.detail
    assert (wrong.expected, wrong.found) == ("()", "('regulars',)")


def test_a_list_of_segments_out_of_order_is_named(made: OpenedProgramme) -> None:
    set_segments(made.town.context, ADMIN, made.town.member(), ["regulars"])
    (wrong,) = findings(lie(made, "segments", lambda leaf: saying(leaf, segments=["b", "a"])), "history")
    assert "do not stand in order" in wrong.detail
