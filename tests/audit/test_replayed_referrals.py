"""Referrals under the auditor: what a refund took the reason from is taken back on both sides, and counted once more at most."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from token_service.ledger.due import run_due
from token_service.ledger.inputs import NewMember
from token_service.ledger.members import enrol
from token_service.ledger.merging import merge_members
from token_service.ledger.referrals import get_invitation

from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .test_honest_chain import explain
from .test_replayed_events import ADMIN, EARNING
from .test_replayed_lies import RULES, saying


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    rules = RULES.replace("[{id: base, kind: spend, points: 1, per: 100}]", EARNING)
    return make_opened(node_url, tmp_path, keys_folder, rules)


def invited(made: OpenedProgramme) -> tuple[str, str]:
    """Who invites, and a friend of theirs who has bought nothing yet."""
    town = made.town
    inviter = town.member()
    code = get_invitation(town.context, ADMIN, inviter).code
    return inviter, enrol(town.context, town.alice, NewMember("friend", referral_code=code)).member.id


def bought(made: OpenedProgramme, member: str) -> str:
    purchase = made.town.buy(member, 1_000).value.id
    run_due(made.town.context)
    return purchase


def honest(made: OpenedProgramme) -> None:
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


def is_back(leaf: Settling, event: str) -> bool:
    return str(leaf.detail.get("reference")).startswith(f"{event}/back/")


def without_back(member: str, event: str, leaves: list[Settling]) -> list[Settling]:
    """The leaves without the reversal of that event; the member's are numbered on."""
    kept = [leaf for leaf in leaves if leaf.member_id != member or not is_back(leaf, event)]
    numbers = iter(range(1, len(kept) + 1))
    return [saying(leaf, number=next(numbers)) if leaf.member_id == member else leaf for leaf in kept]


def test_an_honest_loop_of_purchases_and_refunds_holds(made: OpenedProgramme) -> None:
    inviter, friend = invited(made)
    for _ in range(3):
        made.town.refund(bought(made, friend), 1_000)
        made.town.pass_time(timedelta(days=2))
        assert made.town.balance(inviter).available == 0
    bought(made, friend)
    honest(made)


def test_a_friend_who_becomes_part_of_another_account_and_earns_it_again_holds(made: OpenedProgramme) -> None:
    inviter, friend = invited(made)
    made.town.refund(bought(made, friend), 1_000)
    other = made.town.member()
    merge_members(made.town.context, ADMIN, friend, other, "the same person")
    bought(made, other)
    made.town.pass_time(timedelta(days=2))
    assert made.town.balance(inviter).available > 0
    made.town.issue(inviter, 10)
    honest(made)


def test_points_that_were_spent_before_are_owed_and_hold(made: OpenedProgramme) -> None:
    inviter, friend = invited(made)
    purchase = bought(made, friend)
    made.town.redeem(inviter, 15)
    made.town.redeem(friend, 20)
    made.town.refund(purchase, 1_000)
    made.town.issue(inviter, 40)
    made.town.issue(friend, 40)
    honest(made)


def test_an_invited_one_who_keeps_the_points_of_it(made: OpenedProgramme) -> None:
    _, friend = invited(made)
    made.town.refund(bought(made, friend), 1_000)
    made.town.issue(friend, 5)
    made.bend = lambda leaves: without_back(friend, "member.invited", leaves)
    made.settle()
    details = [one.detail for one in findings(made.audit(), "reversals")]
    assert "an invitation is still paid for, and nothing was kept of what the invited member bought" in details


def test_an_inviter_who_keeps_the_points_of_it(made: OpenedProgramme) -> None:
    inviter, friend = invited(made)
    made.town.refund(bought(made, friend), 1_000)
    made.town.pass_time(timedelta(minutes=10))
    made.town.issue(inviter, 5)
    made.bend = lambda leaves: without_back(inviter, "member.referred", leaves)
    made.settle()
    (wrong,) = [one for one in findings(made.audit(), "reversals") if one.found.startswith("kept by")]
    assert wrong.detail == "an invitation is still paid for, and nothing was kept of what the invited member bought"


def test_an_invitation_that_is_paid_for_after_everything_was_given_back(made: OpenedProgramme) -> None:
    """The refund of another order, after which nothing is kept, is told before the award."""
    town = made.town
    _, friend = invited(made)
    first = town.buy(friend, 1_000).value.id
    run_due(town.context)
    town.refund(first, 1_000)

    def refunded_first(leaves: list[Settling]) -> list[Settling]:
        leaves = without_back(friend, "member.invited", leaves)
        own = [leaf for leaf in leaves if leaf.member_id == friend]
        order = sorted(own, key=lambda leaf: (leaf.detail.get("operation") == "event", leaf.detail["number"]))
        late = {leaf.detail["id"]: number for number, leaf in enumerate(order, start=1)}
        joined = {"joined_at": own[0].detail["joined_at"]}
        return [
            saying(leaf, number=late[leaf.detail["id"]], **joined) if leaf.member_id == friend else leaf
            for leaf in leaves
        ]

    made.bend = refunded_first
    made.settle()
    details = [one.detail for one in findings(made.audit(), "history")]
    assert "somebody was invited who bought nothing" in details


def with_shares(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    """A friend has bought for ten euros and more, and a tenth of the first purchase's ten points was given."""
    earning = EARNING.replace(
        "schedules:", "  - {id: share, kind: referral, percent: 10, up_to_points: 30}\nschedules:"
    )
    rules = RULES.replace("[{id: base, kind: spend, points: 1, per: 100}]", earning)
    made = make_opened(node_url, tmp_path, keys_folder, rules)
    inviter, friend = invited(made)
    made.town.buy(friend, 1_000)
    made.town.buy(friend, 7_000)
    before = made.town.balance(inviter).available
    run_due(made.town.context)
    assert made.town.balance(inviter).available == before + 15 + 1
    return made


def earning_more(event: str, leaves: list[Settling]) -> list[Settling]:
    """One side says 19 points, of which a tenth is one point as well."""
    return [
        saying(leaf, facts=leaf.detail["facts"] | {"earned_points": 19})
        if event == leaf.detail.get("facts", {}).get("event")
        else leaf
        for leaf in leaves
    ]


def test_a_share_of_what_a_friend_earned_holds(node_url: str, tmp_path: Path, keys_folder: Path) -> None:
    honest(with_shares(node_url, tmp_path, keys_folder))


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        ("member.invited", "what a friend's first purchase keeps is another"),
        ("member.referred", "what a friend's first purchase keeps is told in two ways"),
    ],
)
def test_a_share_of_more_than_a_friend_earned(
    node_url: str, tmp_path: Path, keys_folder: Path, event: str, detail: str
) -> None:
    made = with_shares(node_url, tmp_path, keys_folder)
    made.bend = lambda leaves: earning_more(event, leaves)
    made.settle()
    assert detail in [one.detail for one in findings(made.audit(), "awards")]
