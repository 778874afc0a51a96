"""The console's approvals: proposed by one, decided by another, never for oneself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_town import Desk, desk, hidden
from pages_town import RULES, Town

from token_service.ledger.balances import get_balance
from token_service.ledger.context import Actor
from token_service.ledger.import_inputs import NewImport
from token_service.ledger.merchants import list_merchants
from token_service.ledger.proposals import open_proposals
from token_service.ledger.staff_imports import vouch_for
from token_service.ledger.staff_trail import list_actions


@pytest.fixture
def town(make_town: Callable[[str], Town]) -> Town:
    return make_town(RULES.replace("limits: {", "limits: {adjustment_points: 100, "))


@pytest.fixture
def support(town: Town) -> Desk:
    return desk(town, "support")


def available(town: Town, member_id: str) -> int:
    return get_balance(town.context, Actor.admin(), member_id).available


def propose(support: Desk, member_id: str, points: str = "500") -> str:
    """The proposal's id."""
    path = f"/console/members/{member_id}"
    form = {"reference": hidden(support.read(f"{path}/adjust"), "reference"), "way": "up", "points": points}
    form |= {"reason": "Lost receipts"}
    confirm = support.post(f"{path}/adjust/check", **form).text
    assert "needs a second person" in confirm
    assert f'action="{path}/propose"' in confirm
    answer = support.post(f"{path}/propose", **form)
    assert (answer.status_code, answer.location) == (303, "/console/approvals?done=proposed")
    return form["reference"]


def proposal_id(town: Town) -> str:
    return open_proposals(town.context, Actor.admin())[0].id


def test_a_colleague_approves_what_somebody_proposed(town: Town, support: Desk) -> None:
    member = town.member(name="Alice Martin")
    propose(support, member)
    assert available(town, member) == 0
    mine = support.read("/console/approvals")
    for words in ("Alice Martin", "Lost receipts", "Proposed by Support", "a colleague approves it"):
        assert words in mine
    assert "/approve" not in mine
    path = f"/console/approvals/{proposal_id(town)}"
    assert support.post(f"{path}/approve").status_code == 403
    manager = desk(town, "manager")
    assert f"{path}/approve" in manager.read("/console/approvals")
    for _ in range(2):
        assert manager.post(f"{path}/approve").location == "/console/approvals?done=approved"
    assert available(town, member) == 500
    assert "Nothing waits for a second person." in manager.read("/console/approvals?done=approved")
    done = [(one.action, one.staff_name) for one in list_actions(town.context, member_id=member).data]
    assert done == [("adjustment.approved", "Manager"), ("adjustment.proposed", "Support")]
    trail = manager.read("/console/trail")
    for words in ("Proposed a correction of", "Approved a correction of"):
        assert words in trail


def test_what_is_declined_changes_nothing(town: Town, support: Desk) -> None:
    member = town.member()
    propose(support, member)
    path = f"/console/approvals/{proposal_id(town)}"
    manager = desk(town, "manager")
    assert manager.post(f"{path}/decline").location == "/console/approvals?done=declined"
    answer = manager.post(f"{path}/approve")
    assert (answer.status_code, available(town, member)) == (409, 0)
    assert "Somebody has decided this meanwhile." in answer.text


def test_nobody_approves_for_their_own_account(town: Town, support: Desk) -> None:
    manager = desk(town, "manager", email="boss@example.com")
    member = town.member("boss@example.com")
    propose(support, member)
    assert "It is your own account" in manager.read("/console/approvals")
    path = f"/console/approvals/{proposal_id(town)}"
    assert manager.post(f"{path}/approve").status_code == 403
    assert manager.post(f"{path}/decline").status_code == 403
    assert available(town, member) == 0


def test_up_to_the_limit_one_person_is_enough(town: Town, support: Desk) -> None:
    member = town.member()
    path = f"/console/members/{member}/adjust"
    form = {"reference": hidden(support.read(path), "reference"), "way": "up", "points": "100", "reason": "A gesture"}
    assert "needs a second person" not in support.post(f"{path}/check", **form).text
    support.post(path, **form)
    assert available(town, member) == 100
    over = support.post(path, **(form | {"points": "101", "reference": "ctl_another"}))
    assert over.status_code == 422
    assert available(town, member) == 100


def test_a_proposal_that_can_no_longer_be_made_says_why(town: Town, support: Desk) -> None:
    member = town.member()
    propose(support, member)
    support.post(f"/console/members/{member}/freeze", reason="under investigation")
    answer = desk(town, "manager").post(f"/console/approvals/{proposal_id(town)}/approve")
    assert answer.status_code == 409
    assert "The member is frozen" in answer.text


def test_a_file_of_members_is_approved_by_a_colleague(town: Town, support: Desk) -> None:
    """An approval of the whole file by hash by a second person."""
    context = town.context
    merchant = list_merchants(context, Actor.admin(), limit=1, cursor=None).data[0].id
    new = NewImport("ab" * 32, "Old Club", merchant, 3, 1_500)
    path = f"/console/approvals/imports/{vouch_for(context, support.person, new, points_to_come=1_500).id}"
    mine = support.read("/console/approvals")
    for words in ("Members from Old Club", "A file with 3 members", "ab" * 32, "1,500", "a colleague approves it"):
        assert words in mine
    assert support.post(f"{path}/approve").status_code == 403
    manager = desk(town, "manager")
    assert manager.post(f"{path}/approve").location == "/console/approvals?done=import"
    assert "runs the import again" in manager.read("/console/approvals?done=import")
    assert manager.post(f"{path}/decline").status_code == 409
    trail = manager.read("/console/trail")
    for words in ("Vouched for 1,500 points from Old Club.", "Let members and points from Old Club come in."):
        assert words in trail


def test_a_file_of_members_is_declined(town: Town, support: Desk) -> None:
    merchant = list_merchants(town.context, Actor.admin(), limit=1, cursor=None).data[0].id
    made = vouch_for(
        town.context, support.person, NewImport("cd" * 32, "Old Club", merchant, 1, 101), points_to_come=101
    )
    assert support.post(f"/console/approvals/imports/{made.id}/decline").location == "/console/approvals?done=declined"
    assert "Declined members and points from Old Club." in desk(town, "manager").read("/console/trail")
