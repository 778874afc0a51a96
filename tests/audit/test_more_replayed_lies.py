"""More lies that only the replay can notice: refunds, days, prices and dates, and openings in one another's place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_town import ADMIN

from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewAdjustment
from token_service.ledger.proposals import approve_proposal, propose_adjustment

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .programme import OPERATOR
from .test_honest_chain import explain
from .test_openings import void
from .test_replayed_lies import DAY, RULES, lie, named, only, saying

PER_DAY = RULES.replace("limits: {", "limits: {per_member_day_points: 30, ")
ONCE = "campaigns: [{id: lucky, award: {points: 10}, limits: {per_member: {times: 2}, budget_amount: 205}}]\n"
DEARER = RULES.replace("points: 40}", "points: 60}")


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


def test_a_refund_of_less_than_it_takes_back(made: OpenedProgramme) -> None:
    bought = made.town.buy(made.town.member(), 10_000)
    made.settle()
    made.town.refund(bought.value.id, 5_000)
    report = lie(made, "reversal", lambda leaf: saying(leaf, refund=leaf.detail["refund"] | {"amount": 1_000}))
    wrong = findings(report, "reversals")[0]
    assert (wrong.expected, wrong.found) == ("90", "50")


def test_a_day_that_begins_anew_for_one_purchase(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    """The limit of a day holds across purchases of the programme's day, which is not that of UTC."""
    made = make_opened(node_url, tmp_path, keys_folder, PER_DAY)
    member = made.town.member()
    made.town.clock.at = made.town.clock.at.replace(hour=23, minute=30)  # 00:30 in Paris
    made.town.buy(member, 2_500)
    made.town.clock.at += timedelta(hours=1)  # another day in UTC
    assert sum(entry.points for entry in made.town.buy(member, 2_500).entries) == 5
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    made.town.clock.at += timedelta(hours=1)
    made.town.buy(member, 2_500)

    def anew(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        return saying(leaf, facts=facts | {"member": facts["member"] | {"day_points": 0}})

    wrong = findings(lie(made, "purchase", anew), "history")[0]
    assert (wrong.expected, wrong.found) == ("30", "0")


def test_a_campaign_that_a_member_had_more_often_than_they_may(
    node_url: str, tmp_path: Path, keys_folder: Path
) -> None:
    made = make_opened(node_url, tmp_path, keys_folder, RULES + ONCE)
    member = made.town.member()
    for _ in range(2):
        made.town.buy(member, 2_500)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    made.town.buy(member, 2_500)

    def again(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        return saying(leaf, facts=facts | {"campaigns": [facts["campaigns"][0] | {"times": 0}]})

    found = findings(lie(made, "issuance", again), "awards")
    assert any("what limited campaigns had left" in one.detail for one in found)


def test_a_campaign_that_gave_more_than_its_budget(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    """Each purchase alone looks right: nobody outside knows who came first. Together they are too many."""
    made = make_opened(node_url, tmp_path, keys_folder, RULES + ONCE)
    for _ in range(3):
        made.town.buy(made.town.member(), 2_500)
    made.bend = lambda leaves: [_with_a_whole_budget(leaf) for leaf in leaves]
    made.settle()
    report = made.audit()
    (wrong,) = findings(report, "awards")
    assert (wrong.expected, wrong.found) == ("at most 20", "30")


def _with_a_whole_budget(leaf: Settling) -> Settling:
    """As if the purchase had been the first, and had got the whole award."""
    if leaf.detail["kind"] != "issuance":
        return leaf
    facts, lines = leaf.detail["facts"], leaf.detail["breakdown"]
    kept = [line for line in lines if not line["rule"].startswith("limit:campaign:")]
    points = sum(line["points"] for line in kept)
    more = {"points": points, "awarded": points, "breakdown": kept}
    return saying(
        leaf, amount=points, facts=facts | {"campaigns": [facts["campaigns"][0] | {"budget_points": 20}]}, **more
    )


def test_the_price_of_rules_that_are_over(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    made.settle()
    old, new = made.rulesets[0], made.publish(DEARER, ahead=timedelta(minutes=5))
    made.town.clock.at += DAY
    made.town.redeem(member, None, reward_id="coffee")

    def cheaper(leaf: Settling) -> Settling:
        lot = leaf.detail["lots"][0] | {"points": -40}
        return saying(leaf, amount=40, points=-40, price=40, value=400, lots=[lot], ruleset=old)

    report = lie(made, "redemption", cheaper)
    wrong = named(report, "decisions")
    assert (wrong.expected, wrong.found) == (new, old)
    only(report, "decisions")


def test_a_reward_for_somebody_of_another_level(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    """Given at its right price, and closed to them: their level is bronze."""
    made = make_opened(node_url, tmp_path, keys_folder, RULES.replace("points: 40}", "points: 40, levels: [gold]}"))
    member = made.town.member()
    made.town.buy(member, 20_000)
    made.settle()
    made.town.redeem(member, 40)
    report = lie(made, "redemption", lambda leaf: saying(leaf, reward="coffee"))
    wrong = named(report, "rewards")
    assert "level_needed" in str(wrong.expected)
    only(report, "rewards")


def test_restored_points_that_live_longer_than_their_lot(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 20_000)
    spent = made.town.redeem(member, 50)
    made.settle()
    made.town.restore(spent.value.id)

    def longer(leaf: Settling) -> Settling:
        return saying(leaf, lots=[leaf.detail["lots"][0] | {"expires_at": "2099-01-01T00:00:00Z"}])

    report = lie(made, "restoration", longer)
    assert "other lots" in named(report, "lots").detail
    only(report, "lots")


def test_openings_in_one_anothers_place(made: OpenedProgramme) -> None:
    made.town.buy(made.town.member(), 2_000)
    made.town.buy(made.town.member(), 3_000)
    made.settle()
    (batch,) = made.chain.batches
    first, second = batch.leaves
    swapped = (replace(first, opening=second.opening), replace(second, opening=first.opening))
    made.write(replace(batch, leaves=swapped))
    named(made.audit(), "openings", 2)


def test_two_leaves_that_change_their_turns(made: OpenedProgramme) -> None:
    """The numbers say who was first; visits and levels are counted in that order."""
    member = made.town.member()
    made.town.buy(member, 2_000)
    made.town.clock.at += DAY
    made.town.buy(member, 3_000)
    report = lie(made, "issuance", lambda leaf: saying(leaf, number=3 - leaf.detail["number"]))
    assert report.exit_code == 1
    assert findings(report, "history")


def test_a_void_that_gives_back_to_another_lot(made: OpenedProgramme) -> None:
    """The refused debit took from the second lot; the points come back to the first, which expires sooner."""
    member = made.town.member()
    first = made.town.buy(member, 5_000)
    made.town.clock.at += 5 * DAY
    made.town.buy(member, 5_000)
    made.town.redeem(member, 60)
    made.settle()
    made.chain.admin("setDebitLimit", OPERATOR, 1)
    refused = made.town.redeem(member, 20)
    made.settle()
    void(made, refused.entries[0].id)

    def other(leaf: Settling) -> Settling:
        return saying(leaf, lots=[leaf.detail["lots"][0] | {"lot": first.entries[0].id}])

    report = lie(made, "void", other)
    assert "gives back to" in named(report, "lots").detail


def test_a_refused_debit_that_comes_back_holds(made: OpenedProgramme) -> None:
    member = made.town.member()
    made.town.buy(member, 5_000)
    made.settle()
    made.chain.admin("setDebitLimit", OPERATOR, 1)
    refused = made.town.redeem(member, 20)
    made.settle()
    void(made, refused.entries[0].id)
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)
    assert report.counts["skipped"] == 1


def test_a_large_correction_that_nobody_else_approved(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    made = make_opened(node_url, tmp_path, keys_folder, RULES.replace("limits: {", "limits: {adjustment_points: 50, "))
    member = made.town.member()
    new = NewAdjustment("case-1", member, 60, "lost receipts")
    for reference in ("case-1", "case-2"):
        proposal = propose_adjustment(made.town.context, ADMIN, replace(new, reference=reference))
        approve_proposal(made.town.context, Actor.admin("bob"), proposal.id)
        if reference == "case-1":
            made.settle()
            report = made.audit()
            assert report.exit_code == 0, explain(report)
    report = lie(made, "adjustment", lambda leaf: saying(leaf, approved_by=leaf.detail["actor"]))
    wrong = named(report, "manual")
    assert (wrong.expected, wrong.found) == ("a second person", "alma")
