"""The console's members: found, told whole, adjusted once with a reason, frozen; each role as far as it may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from console_town import Desk, desk, hidden
from pages_town import ORIGIN, RULES, Browser, Town

from token_service.ledger.balances import get_balance
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewRedemption, NewRefund
from token_service.ledger.members import freeze, get_member
from token_service.ledger.redemptions import redeem
from token_service.ledger.refunds import refund_purchase
from token_service.ledger.staff_trail import list_actions
from token_service.ledger.users import add_user


@pytest.fixture
def support(town: Town) -> Desk:
    return desk(town, "support")


def available(town: Town, member_id: str) -> int:
    return get_balance(town.context, Actor.admin(), member_id).available


def form_of(member_id: str, page: str, **more: str) -> dict[str, str]:
    return {"reference": hidden(page, "reference"), "way": "up", "points": "120", "reason": "A gesture"} | more


def test_a_member_is_found_and_opened(town: Town, support: Desk) -> None:
    zoe, bob = town.member("zoe@example.com", "Zoé Dupont"), town.member("bob@example.com", "Bob")
    page = support.read("/console/members?q=zo%C3%A9")
    assert zoe in page
    assert bob not in page
    assert bob in support.read("/console/members")
    assert "Nobody." in support.read("/console/members?q=xyz")
    assert "Zoé Dupont" in support.read(f"/console/members/{zoe}")


def test_an_empty_programme_says_what_will_be_here(support: Desk) -> None:
    assert "Nobody collects points yet" in support.read("/console/members")


def test_the_list_goes_on(town: Town, support: Desk) -> None:
    for number in range(25):
        town.member(f"m{number}@example.com", f"Member {number}")
    page = support.read("/console/members?q=member")
    cursor = hidden(page.replace('href="', 'name="x" value="'), "x")
    assert cursor
    assert "Further" in page
    assert "From the beginning" in support.read("/console/members?q=member&cursor=bWVtXzA")


def test_one_page_tells_the_whole_story(waiting_town: Town) -> None:
    town = waiting_town
    member = town.member()
    bought = town.purchase(member, 12_990)
    refund_purchase(town.context, town.actor, bought.id, NewRefund("back", 1_000))
    town.gift(member, 300, "Birthday")
    redeem(town.context, town.actor, NewRedemption("coffee", member, reward_id="free-coffee"))
    support = desk(town, "support")
    page = support.read(f"/console/members/{member}")
    for words in (
        "points that can be used",
        "Purchase of €129.90",
        "not usable before the return window ends",
        "points on the way were cancelled",
        "Birthday",
        "A free coffee",
        "Offer “Big basket”",
        "waits for the next batch",
        "Marché Central, Lyon",
        "balance then: 200",
        "Shops that know this member",
        "usable from 6 December 2026",
        "more to Gold",
        "A level depends on what was spent in the last 12 months.",
        "<dt>Spent</dt><dd>€119.90</dd>",
        "<dt>Points earned</dt><dd>169</dd>",
        "<dt>Purchases</dt><dd>1</dd>",
        "<dt>Times taken part</dt><dd>0</dd>",
        "back",
    ):
        assert words in page.replace("\N{NO-BREAK SPACE}", " "), words


def test_a_correction_is_looked_at_done_once_and_told_everywhere(town: Town, support: Desk) -> None:
    member = town.member()
    town.gift(member, 80)
    path = f"/console/members/{member}/adjust"
    form = form_of(member, support.read(path))
    confirm = support.post(f"{path}/check", **form).text
    assert "80 → <strong>200</strong>" in confirm
    assert available(town, member) == 80
    for _ in range(2):
        answer = support.post(path, **form)
        assert (answer.status_code, answer.location) == (303, f"/console/members/{member}?done=adjusted")
    assert available(town, member) == 200
    page = support.read(f"/console/members/{member}?done=adjusted")
    for words in ("The member can use 200 points now", "A gesture", "Support", "Added 120 points; 200 could be used"):
        assert words in page, words
    (action,) = list_actions(town.context, member_id=member).data
    assert (action.action, action.staff_id) == ("member.adjusted", support.person.id)
    changed = support.post(path, **(form | {"points": "121"}))
    assert (changed.status_code, available(town, member)) == (409, 200)
    assert "sent before with other figures" in changed.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"points": "0"}, "whole number of points"),
        ({"points": "1.5e3"}, "whole number of points"),
        ({"points": "1.5"}, "whole number of points"),
        ({"points": "12,50"}, "whole number of points"),
        ({"points": "-5"}, "whole number of points"),
        ({"points": "9" * 17}, "whole number of points"),
        ({"reason": ""}, "Write something here"),
        ({"reason": "x" * 501}, "At most 500 characters"),
        ({"reason": "a\tb"}, "without control characters"),
        ({"way": "sideways"}, "Choose one of the two"),
        ({"way": "down", "points": "81"}, "has only 80 points"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_done(
    town: Town, support: Desk, wrong: dict[str, str], said: str
) -> None:
    member = town.member()
    town.gift(member, 80)
    path = f"/console/members/{member}/adjust"
    form = form_of(member, support.read(path), **wrong)
    for address in (f"{path}/check", path):
        answer = support.post(address, **form)
        assert answer.status_code == 422
        assert said in answer.text
        assert 'aria-invalid="true"' in answer.text or "way-error" in answer.text
    assert available(town, member) == 80
    assert list_actions(town.context).data == ()


def test_what_was_typed_can_be_changed_before_it_is_done(town: Town, support: Desk) -> None:
    member = town.member()
    path = f"/console/members/{member}/adjust"
    form = form_of(member, support.read(path))
    again = support.post(f"{path}/check", edit="1", **form).text
    assert 'value="120"' in again
    assert hidden(again, "reference") == form["reference"]


def test_a_frozen_member_is_frozen_until_somebody_says_why_not(town: Town, support: Desk) -> None:
    member = town.member()
    path = f"/console/members/{member}"
    refused = support.post(f"{path}/freeze", reason=" ")
    assert refused.status_code == 422
    assert "Write something here" in refused.text
    assert support.post(f"{path}/freeze", reason="Lost card").location == f"{path}?done=frozen"
    assert get_member(town.context, Actor.admin(), member).frozen
    page = support.read(path)
    assert "This card is frozen." in page
    assert "Lost card" in page
    answer = support.post(f"{path}/adjust/check", **form_of(member, support.read(f"{path}/adjust")))
    assert "unfreeze them first" in answer.text
    assert support.post(f"{path}/unfreeze", reason="Found").status_code == 303
    assert not get_member(town.context, Actor.admin(), member).frozen


def test_an_account_is_closed_and_opened_again(town: Town) -> None:
    support = desk(town, "support")
    member = town.member()
    town.gift(member, 80)
    path = f"/console/members/{member}"
    assert "Close the account" in support.read(path)
    assert support.post(f"{path}/close", reason=" ").status_code == 422
    refused = support.post(f"{path}/close", reason="Moved away")
    assert (refused.status_code, "There are 80 points left." in refused.text) == (409, True)
    assert 'value="Moved away"' in refused.text
    assert support.post(f"{path}/close", reason="Moved away", forfeit="yes").location == f"{path}?done=closed"
    found = get_member(town.context, Actor.admin(), member)
    assert (found.state, found.balance.available) == ("closed", 0)
    page = support.read(f"{path}?done=closed")
    assert "account is closed" in page
    assert "Account closed" in page
    assert "Moved away" in page
    assert "Closed the account." in page
    assert support.post(f"{path}/reopen", reason="Came back").status_code == 303
    assert get_member(town.context, Actor.admin(), member).state == "active"
    assert "Account opened again" in support.read(path)


def test_two_accounts_of_one_person_become_one(town: Town) -> None:
    support = desk(town, "support")
    old, kept = town.member("ada@example.com", "Ada"), town.member("lovelace@example.com", "Countess Lovelace")
    town.gift(old, 80)
    path = f"/console/members/{old}"
    assert "It is the same person as another account" in support.read(path)
    assert "lovelace" not in support.read(f"{path}/merge")
    assert "No other open account" in support.read(f"{path}/merge?q=ada@example.com")
    assert f'value="{kept}" checked' in support.read(f"{path}/merge?q=lovelace")
    answer = support.post(f"{path}/merge", q="lovelace", reason=" ")
    assert answer.status_code == 422
    assert "Choose the account that stays." in answer.text
    assert "Write something here." in answer.text
    done = support.post(f"{path}/merge", q="lovelace", into=kept, reason="Showed a passport")
    assert done.location == f"/console/members/{kept}?done=merged"
    page = support.read(done.location)
    for said in (
        "Both cards now mean this account.",
        "Another account became part of this one",
        "Showed a passport",
        "Made another account part of this one.",
        "Accounts that became part of this one",
        ">Ada</a>",
    ):
        assert said in page, said
    assert get_member(town.context, Actor.admin(), kept).balance.available == 80
    before = support.get(path)
    assert before.location == f"/console/members/{kept}?part={old}"
    story = support.read(before.location)
    assert "The story of Ada, before" in story
    assert "Became part of another account" in story
    third = town.member()
    freeze(town.context, Actor.admin(), third, "looked at")
    refused = support.post(f"/console/members/{kept}/merge", q=third, into=third, reason="A guess")
    assert (refused.status_code, "unfreeze them first" in refused.text) == (409, True)


def test_many_points_are_moved_by_two_people(make_town: Callable[[str], Town]) -> None:
    town = make_town(RULES.replace("limits: {", "limits: {adjustment_points: 50, "))
    first, second = desk(town, "support"), desk(town, "manager")
    old, kept = town.member("ada@example.com", "Ada"), town.member("lovelace@example.com", "Countess Lovelace")
    town.gift(old, 80)
    path, form = f"/console/members/{old}/merge", {"q": "lovelace", "into": kept, "reason": "Showed a passport"}
    for _ in range(2):
        asked = first.post(path, **form)
        assert asked.location == f"{path}?q={kept}&asked=1"
    page = first.read(asked.location)
    assert "a colleague must choose the same account" in page
    assert f"{first.person.name} has asked to make this account part of Countess Lovelace" in page
    assert available(town, kept) == 0
    approvals = second.read("/console/approvals")
    assert "Ada becomes part of Countess Lovelace" in approvals
    assert f'href="{path}?q={kept}"' in approvals
    assert f'href="{path}?q={kept}"' not in first.read("/console/approvals"), "whoever asked does not decide"
    assert "Showed a passport" in approvals
    done = second.post(path, **(form | {"reason": "Saw it, too"}))
    assert done.location == f"/console/members/{kept}?done=merged"
    assert available(town, kept) == 80
    assert "Nothing waits for a second person." in second.read("/console/approvals")
    assert [action.action for action in list_actions(town.context, limit=3).data][:2] == [
        "member.merged",
        "merge.asked",
    ]


def test_a_merge_that_waits_is_declined(make_town: Callable[[str], Town]) -> None:
    town = make_town(RULES.replace("limits: {", "limits: {adjustment_points: 50, "))
    first, second = desk(town, "support"), desk(town, "manager")
    old, kept = town.member("ada@example.com", "Ada"), town.member("lovelace@example.com", "Countess Lovelace")
    town.gift(old, 80)
    first.post(f"/console/members/{old}/merge", q="lovelace", into=kept, reason="A guess")
    path = f"/console/approvals/merges/{old}/decline"
    assert path in second.read("/console/approvals")
    another = second.post(path, into=town.member("x@example.com", "Somebody else"))
    assert (another.status_code, "Somebody has decided this meanwhile." in another.text) == (409, True), (
        "not what waits"
    )
    assert second.post(path, into=kept).location == "/console/approvals?done=declined"
    assert "Nothing waits for a second person." in second.read("/console/approvals")
    again = second.post(path, into=kept)
    assert (again.status_code, "Somebody has decided this meanwhile." in again.text) == (409, True)
    assert (available(town, old), available(town, kept)) == (80, 0)
    assert "Declined to make this account part of another one." in second.read(f"/console/members/{old}")


def test_nobody_declines_a_merge_of_their_own_account(make_town: Callable[[str], Town]) -> None:
    town = make_town(RULES.replace("limits: {", "limits: {adjustment_points: 50, "))
    first, owner = desk(town, "support"), desk(town, "owner")
    own, other = town.member(owner.person.email, "Olga"), town.member("lovelace@example.com", "Countess Lovelace")
    town.gift(own, 80)
    first.post(f"/console/members/{own}/merge", q="lovelace", into=other, reason="Two cards")
    path = f"/console/approvals/merges/{own}/decline"
    assert path not in owner.read("/console/approvals")
    assert owner.post(path, into=other).status_code == 403


def test_a_member_is_put_into_segments_by_ticking_them(make_town: Callable[[str], Town]) -> None:
    groups = "segments: [{id: regulars, name: {en: Our regulars, fr: Nos habitués}}, {id: press}]\n"
    town = make_town(f"{RULES}\n{groups}")
    support = desk(town, "support")
    member = town.member()
    path = f"/console/members/{member}"
    assert "Our regulars" in support.read(path)
    rules = Browser(town.app().test_client()).get("/transparency", headers={"Accept-Language": "fr"}).text
    assert "Nos habitués, Press" in rules
    done = support.post(f"{path}/segments", segment="regulars")
    assert done.location == f"{path}?done=segmented"
    page = support.read(done.location)
    assert 'value="regulars" checked' in page
    assert 'value="press" checked' not in page
    assert "Put the member in these segments: regulars." in page
    assert support.post(f"{path}/segments").status_code == 303
    assert "Took the member out of every segment." in support.read(path)
    assert get_member(town.context, Actor.admin(), member).segments == ()


def test_without_segments_in_the_rules_there_is_nothing_to_tick(town: Town) -> None:
    assert "Which groups is the member in?" not in desk(town, "support").read(f"/console/members/{town.member()}")


def test_nobody_merges_an_account_of_their_own(town: Town) -> None:
    owner = desk(town, "owner")
    own, other = town.member(owner.person.email), town.member()
    for member, into in ((own, other), (other, own)):
        assert owner.post(f"/console/members/{member}/merge", into=into, reason="For me").status_code == 403


def test_nobody_adjusts_or_freezes_themself(town: Town) -> None:
    owner = desk(town, "owner")
    own = town.member(owner.person.email.upper())
    path = f"/console/members/{own}"
    page = owner.read(path)
    assert "This is your own account" in page
    assert "Add or take away points" not in page
    assert owner.get(f"{path}/adjust").status_code == 403
    form = {"reference": "ctl_1", "way": "up", "points": "100", "reason": "For me"}
    for name in ("adjust/check", "adjust", "freeze", "unfreeze", "close", "reopen"):
        assert owner.post(f"{path}/{name}", **form).status_code == 403
    assert available(town, own) == 0


def test_nobody_changes_the_account_of_their_company(town: Town) -> None:
    owner = desk(town, "owner")
    company = town.member("garage@example.com")
    add_user(town.context, town.actor, company, owner.person.email)
    path = f"/console/members/{company}"
    page = owner.read(path)
    assert "This is your own account" in page
    assert f"Who else signs in</dt><dd>{owner.person.email}" in page
    assert owner.post(f"{path}/freeze", reason="For me").status_code == 403


def test_an_auditor_reads_and_sees_nothing_to_press(town: Town) -> None:
    member = town.member()
    page = desk(town, "auditor").read(f"/console/members/{member}")
    assert "What you can do" not in page
    assert "/adjust" not in page
    assert "/freeze" not in page


def test_a_form_from_elsewhere_changes_no_points(town: Town, support: Desk) -> None:
    member = town.member()
    form = {"reference": "ctl_1", "way": "up", "points": "100", "reason": "x"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        answer = support.browser.client.post(f"/console/members/{member}/adjust", data=form, headers=headers)
        assert answer.status_code == 403
    assert available(town, member) == 0
    good = support.browser.client.post(f"/console/members/{member}/adjust", data=form, headers=ORIGIN)
    assert good.status_code == 303


def test_stored_texts_are_shown_as_texts(town: Town, support: Desk) -> None:
    evil = "<script>alert(1)</script>\"'{{7*7}}"
    member = town.member("x@example.com", evil)
    town.gift(member, 10, evil)
    path = f"/console/members/{member}"
    form = form_of(member, support.read(f"{path}/adjust"), reason=evil)
    pages = [support.post(f"{path}/adjust/check", **form).text]
    assert support.post(path + "/adjust", **form).status_code == 303
    support.post(f"{path}/freeze", reason=evil)
    pages += [support.read(path), support.read("/console/members?q=%3Cscript%3Ealert(1)")]
    for page in pages:
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
    assert "{{7*7}}" in pages[1]


def test_nobodys_id_is_nobodys_page(support: Desk) -> None:
    for path in ("/console/members/mem_nobody", "/console/members/mem_nobody/adjust", "/console/members?cursor=!"):
        assert support.get(path).status_code == 404


def test_old_lines_are_on_the_next_part_of_the_story(town: Town, support: Desk) -> None:
    member = town.member()
    for number in range(27):
        town.gift(member, 1, f"Gift number {number}.")
        town.clock.move(timedelta(minutes=1))
    page = support.read(f"/console/members/{member}")
    assert "Gift number 26." in page
    assert "Gift number 1." not in page
    older = page.split("?cursor=")[1].split('"')[0]
    rest = support.read(f"/console/members/{member}?cursor={older}")
    assert "Gift number 1." in rest
    assert "Gift number 2." not in rest
