"""The console's rules: read, written with every mistake at its line, tried, kept, published; each role as far as it may."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from console_town import Desk, desk, hidden
from pages_town import RULES, Town

from token_service.ledger.admin_operations import unfinished
from token_service.ledger.inputs import NewItem
from token_service.ledger.rulesets import accept_published, get_ruleset
from token_service.ledger.staff_trail import list_actions
from token_service.ledger.views import RulesetView

DOUBLE = RULES.replace("points: 1, per: 100", "points: 2, per: 100")
ADDED = RULES + "  - {id: tea, kind: gift, points: 40, name: {fr: Un thé, en: A tea}}\n"


@pytest.fixture
def manager(town: Town) -> Desk:
    return desk(town, "manager")


def kept(town: Town, by: Desk, text: str, **more: str) -> RulesetView:
    """The draft, kept through the page."""
    answer = by.post("/console/rulesets/drafts", document=text, **more)
    assert answer.status_code == 303, answer.text
    return get_ruleset(town.context, answer.location.removeprefix("/console/rulesets/").split("?")[0])


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_rules_in_force_are_told_and_can_be_started_from(manager: Desk) -> None:
    page = manager.read("/console/rulesets")
    assert "In force from the beginning." in page
    assert "No draft." in page
    acting = page.split("/console/rulesets/0x")[1].split('"')[0]
    whole = plain(manager.read(f"/console/rulesets/0x{acting}"))
    assert "1 point for every €1 spent" in whole
    assert "id: big-basket" in whole
    assert "qualify_by: spend" in manager.read(f"/console/rulesets/new?from=0x{acting}")
    assert "qualify_by: spend" in manager.read("/console/rulesets/new")
    assert manager.get("/console/rulesets/0x00").status_code == 404


def test_every_mistake_is_named_with_its_line(manager: Desk) -> None:
    text = RULES.replace("per: 100}", "per: 0, colour: red}").replace("order.total >= 10000", "order.nothing > 1")
    answer = manager.post("/console/rulesets/check", document=text)
    assert answer.status_code == 422
    page = plain(answer.text)
    assert "2 mistakes to mend" in page
    assert "<strong>Line 4</strong> <code>/earning/0/per</code>" in page
    assert "/earning/0/colour" in page
    wrong_condition = RULES.replace("order.total >= 10000", "order.nothing > 1")
    page = plain(manager.post("/console/rulesets/check", document=wrong_condition).text)
    assert "<strong>Line 6</strong> <code>/campaigns/0/when</code>" in page
    assert "nothing &gt; 1" in page  # what was typed is there to be mended
    for broken in ("a: [", "- 1\n  b", "", "ruleset: 1\nruleset: 1", RULES.replace("EUR", "USD")):
        assert manager.post("/console/rulesets/check", document=broken).status_code == 422, broken


def test_what_changes_is_told_in_words_and_in_the_document(manager: Desk) -> None:
    page = plain(manager.post("/console/rulesets/check", document=DOUBLE).text)
    assert "No mistake" in page
    assert "<del>1 point for every €1 spent</del>" in page
    assert "<ins>2 points for every €1 spent</ins>" in page
    assert "<code>/earning/0/points</code> <del><code>1</code></del> → <ins><code>2</code></ins>" in page
    assert "Keep as an addition" not in page
    assert "Keep as an addition" in manager.post("/console/rulesets/check", document=ADDED).text
    same = manager.post("/console/rulesets/check", document=RULES).text
    assert "They say the same" in same
    assert "Keep as a draft" not in same


def test_a_hostile_draft_is_refused_and_the_process_lives(manager: Desk) -> None:
    deep = "(" * 400 + "true" + ")" * 400
    for condition in (deep, "order" + ".a" * 240, "size(order.skus.map(a, a)) > 0"):
        text = RULES.replace("order.total >= 10000", f"'{condition}'")
        answer = manager.post("/console/rulesets/check", document=text)
        assert answer.status_code == 422, condition[:20]
        assert "/campaigns/0/when" in answer.text
    for text in ("[" * 100_000, "a: &a [*a, *a]", "x" * 300_000, "\x00"):
        assert manager.post("/console/rulesets/check", document=text).status_code == 422
    assert manager.post("/console/rulesets/try/replay", document="{", days="30").status_code == 422
    assert manager.get("/console/rulesets").status_code == 200


def test_a_draft_is_kept_once_and_acts_on_nothing(town: Town, manager: Desk) -> None:
    draft = kept(town, manager, DOUBLE)
    assert kept(town, manager, DOUBLE) == draft
    assert [action.action for action in list_actions(town.context).data] == ["ruleset.drafted"]
    page = plain(manager.read(f"/console/rulesets/{draft.hash}?done=kept"))
    assert "Acts on nothing until it is published." in page
    assert "<ins>2 points for every €1 spent</ins>" in page
    assert draft.hash[:18] in manager.read("/console/rulesets")
    assert town.purchase(town.member(), 1_000).points == 10


def test_one_purchase_typed_in_is_decided_by_both_rules(town: Town, manager: Desk) -> None:
    draft = kept(town, manager, DOUBLE)
    form = {"hash": draft.hash, "total": "128,40", "at": "2026-11-22T14:05", "tier": "gold", "purchases": "3"}
    answer = manager.post("/console/rulesets/try/purchase", **form)
    page = plain(answer.text)
    assert answer.status_code == 200
    assert "This purchase of €128.40 earns" in page
    assert page.count("Offer “Big basket”") == 2
    assert "242" in page  # 128 + 50 + 64 under the rules in force
    assert "434" in page  # 256 + 50 + 128 under the draft
    lines = {"category-0": "FRUIT", "amount-0": "10", "quantity-0": "2", "shipping": "5"}
    page = plain(manager.post("/console/rulesets/try/purchase", **(form | {"total": "999"} | lines)).text)
    assert "This purchase of €15.00 earns" in page
    assert list_actions(town.context).data[0].action == "ruleset.drafted"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"total": "abc"}, "Write an amount"),
        ({"total": "1.999"}, "Write an amount"),
        ({"tax": "51"}, "parts of the total"),
        ({"at": "soon"}, "Choose a day"),
        ({"purchases": "many"}, "whole number"),
        ({"amount-0": "x"}, "Each line needs"),
        ({"total": "99999999999999999"}, "Write an amount"),
    ],
)
def test_a_purchase_that_cannot_be_is_named_beside_its_field(manager: Desk, wrong: dict[str, str], said: str) -> None:
    form = {"document": DOUBLE, "total": "50", "at": "2026-11-22T14:05"} | wrong
    answer = manager.post("/console/rulesets/try/purchase", **form)
    assert (answer.status_code, said in answer.text) == (422, True)


def test_recorded_purchases_are_decided_anew_with_points_cost_and_a_drawing(town: Town) -> None:
    for email in ("a@example.com", "b@example.com"):
        member = town.member(email)
        for total in (2_000, 4_000):
            town.purchase(member, total)
            town.clock.move(timedelta(days=1))
    manager = desk(town, "manager")
    answer = manager.post("/console/rulesets/try/replay", document=DOUBLE, days="30")
    page = plain(answer.text)
    assert answer.status_code == 200
    for words in (
        "Decided anew: 4 purchases, after their refunds; members: 2.",
        ">120<",
        ">240<",
        "+ 120 (+ 100 %)",
        "€12.00",
        "€24.00",
    ):
        assert words in page, words
    assert "<svg" in page
    assert page.count("<rect") == 8
    assert "style=" not in page
    margins = plain(manager.post("/console/rulesets/try/replay", document=DOUBLE, days="30", margin="50").text)
    words = " ".join(re.sub(r"<[^>]+>", " ", margins).split())
    assert "What is left of a margin of 50 percent €48.00 €36.00 −€12.00" in words
    wrong = manager.post("/console/rulesets/try/replay", document=DOUBLE, days="30", margin="x")
    assert (wrong.status_code, "Write a whole number from 0 to 100." in wrong.text) == (422, True)
    nothing = manager.post("/console/rulesets/try/replay", document=DOUBLE, days="x")
    assert nothing.status_code == 200
    town.clock.move(timedelta(days=60))
    later = desk(town, "owner")
    assert "No purchase was recorded" in later.post("/console/rulesets/try/replay", document=DOUBLE, days="7").text


def test_challenges_are_told_apart_with_their_points_and_vouchers(town: Town) -> None:
    member = town.member()
    items = (NewItem(line=1, category="coffee", quantity=10, amount=2_000),)
    town.purchase(member, 2_000, items=items)
    document = RULES.replace("    award: {reward: free-coffee}\n", "    award: {points: 30}\n", 1)
    page = plain(desk(town, "manager").post("/console/rulesets/try/replay", document=document, days="30").text)
    rows = {
        re.sub(r"<[^>]+>", "", row.partition("</th>")[0]): re.findall(r'class="figures">([^<]*)<', row)
        for row in page.split("<tr>")[2:]
    }
    assert rows["Points"] == ["20", "80", "+ 60 (+ 300 %)"]
    assert rows["Of them from challenges"] == ["0", "60", "+ 60"]
    assert rows["Challenges completed"] == ["2", "2", "+ 0"]
    assert rows["Vouchers won"] == ["2", "0", "− 2"]


def test_the_cost_of_vouchers_is_told_and_what_is_not_in_it(town: Town) -> None:
    """Vouchers of a campaign: those for money off at that money; those for a gift are counted, and said to be left out."""
    town.purchase(town.member(), 2_000)
    rewards = (
        "[{id: five-off, kind: discount, points: 9, discount: {amount: 500}}, {id: coffee, kind: gift, points: 9}]"
    )
    treats = "[{id: a, award: {voucher: five-off}}, {id: b, award: {voucher: coffee}}]"
    document = re.sub(r"(?ms)^(campaigns|challenges|rewards|schedules):.*?(?=^\w|\Z)", "", RULES)
    assert "rewards:" not in document
    page = plain(
        desk(town, "manager")
        .post(
            "/console/rulesets/try/replay",
            document=f"{document}\ncampaigns: {treats}\nrewards: {rewards}\nschedules: [{{id: w, every: week, points: 1}}]\n",
            days="30",
        )
        .text
    )
    assert re.findall(r"What the vouchers cost</th>.*?figures\">([^<]*)<.*?figures\">([^<]*)<", page) == [
        ("€0.00", "€5.00")
    ]
    assert "Vouchers for “Coffee” are counted, but not in the cost" in page
    assert "Members who did nothing in that time are not looked at" in page


def test_without_challenges_nothing_is_said_of_them(town: Town) -> None:
    town.purchase(town.member(), 2_000)
    page = desk(town, "manager").post("/console/rulesets/try/replay", document=DOUBLE, days="30").text
    assert "Of them from challenges" not in page


def test_a_draft_is_published_after_it_was_read_what_that_means(town: Town, manager: Desk) -> None:
    draft = kept(town, manager, DOUBLE)
    path = f"/console/rulesets/{draft.hash}/publish"
    assert "This programme asks for no notice" in manager.read(path)
    day = {"effective_at": "2026-12-24T18:00"}
    confirm = plain(manager.post(f"{path}/check", **day).text)
    assert "They act from 24 December 2026 at 18:00." in confirm
    assert "It cannot be taken back" in confirm
    assert get_ruleset(town.context, draft.hash).state == "draft"
    for _ in range(2):
        answer = manager.post(path, effective_at=hidden(confirm, "effective_at"))
        assert (answer.status_code, answer.location) == (303, f"/console/rulesets/{draft.hash}?done=published")
    published = get_ruleset(town.context, draft.hash)
    assert published.state == "publishing"
    assert published.effective_at is not None
    assert published.effective_at.isoformat() == "2026-12-24T17:00:00+00:00"
    assert [order.kind for order in unfinished(town.context.store)][-1] == "publish_ruleset"
    actions = [action.action for action in list_actions(town.context).data]
    assert actions == ["ruleset.published", "ruleset.drafted"]
    page = plain(manager.read("/console/rulesets"))
    assert "In force from 24 December 2026 at 18:00. Being written in the register." in page
    assert manager.get(path).location == f"/console/rulesets/{draft.hash}"
    other = manager.post(path, effective_at="2026-12-25T18:00")
    assert (other.status_code, "published meanwhile" in other.text) == (409, True)
    with town.context.store.write() as connection:
        at = published.effective_at
        accept_published(connection, draft.hash, effective_at=at, published_at=town.clock())
    town.clock.move(timedelta(days=40))
    late = desk(town, "owner")
    assert "In force since 24 December 2026" in plain(late.read("/console/rulesets"))
    assert "Earlier rules" in late.read("/console/rulesets")


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("", "Choose a day"),
        ("tomorrow", "Choose a day"),
        ("0001-01-01T00:00", "Choose a day"),
        ("2026-11-22T14:00", "Not before"),
        ("1970-01-01T00:00", "Not before"),
        ("2029-01-01T00:00", "within a year"),
    ],
)
def test_a_day_that_cannot_be_is_refused_on_both_pages(town: Town, manager: Desk, day: str, said: str) -> None:
    draft = kept(town, manager, DOUBLE)
    for path in (f"/console/rulesets/{draft.hash}/publish/check", f"/console/rulesets/{draft.hash}/publish"):
        answer = manager.post(path, effective_at=day)
        assert (answer.status_code, said in answer.text) == (422, True), path
    assert get_ruleset(town.context, draft.hash).state == "draft"


def test_rules_must_act_after_all_that_are_published(town: Town, manager: Desk) -> None:
    first = kept(town, manager, DOUBLE)
    manager.post(f"/console/rulesets/{first.hash}/publish", effective_at="2026-12-24T18:00")
    second = kept(town, manager, ADDED)
    answer = manager.post(f"/console/rulesets/{second.hash}/publish/check", effective_at="2026-12-24T18:00")
    assert "after every other rules" in answer.text


def test_an_addition_needs_no_day(town: Town, manager: Desk) -> None:
    draft = kept(town, manager, ADDED, **{"as": "addition"})
    assert draft.base_hash is not None
    path = f"/console/rulesets/{draft.hash}/publish"
    assert "only adds to the rules in force" in manager.read(path)
    assert "as soon as they are written" in manager.post(f"{path}/check").text
    assert manager.post(path).status_code == 303
    assert [order.kind for order in unfinished(town.context.store)][-1] == "publish_addendum"
    answer = manager.post("/console/rulesets/drafts", document=DOUBLE, **{"as": "addition"})
    assert (answer.status_code, "do more than add" in answer.text) == (422, True)


def test_support_and_auditors_try_rules_but_keep_and_publish_none(town: Town, manager: Desk) -> None:
    draft = kept(town, manager, DOUBLE)
    for role in ("support", "auditor"):
        reader = desk(town, role)
        page = reader.post("/console/rulesets/check", document=ADDED).text
        assert "No mistake" in page
        assert "Keep as a draft" not in page
        assert "/publish" not in reader.read(f"/console/rulesets/{draft.hash}")
        assert reader.post("/console/rulesets/try/replay", hash=draft.hash, days="7").status_code == 200
        assert reader.post("/console/rulesets/drafts", document=ADDED).status_code == 403
        assert (
            reader.post(f"/console/rulesets/{draft.hash}/publish", effective_at="2026-12-24T18:00").status_code == 403
        )


def test_texts_in_rules_are_shown_as_texts(town: Town, manager: Desk) -> None:
    evil = "</code></textarea><script>alert(1)</script>"
    text = RULES.replace("en: Big basket", f"en: '{evil}'")
    draft = kept(town, manager, text)
    pages = (
        manager.read(f"/console/rulesets/{draft.hash}"),
        manager.post("/console/rulesets/check", document=text).text,
        manager.post("/console/rulesets/check", document=evil).text,
        manager.post(
            "/console/rulesets/try/purchase", hash=draft.hash, total="200", at="2026-11-22T14:05", channel=evil
        ).text,
    )
    for page in pages:
        assert "<script>alert" not in page


def test_costly_rules_are_published_by_somebody_else_than_who_drafted_them(town: Town, manager: Desk) -> None:
    guard = ("limits: {manual", "limits: {publication_points: 100, manual")
    guarded = kept(town, manager, RULES.replace(*guard))
    assert "need two people" in manager.read(f"/console/rulesets/{guarded.hash}")
    day = {"effective_at": "2026-12-24T18:00"}
    assert manager.post(f"/console/rulesets/{guarded.hash}/publish", **day).status_code == 303
    draft = kept(town, manager, DOUBLE.replace(*guard))
    path, later = f"/console/rulesets/{draft.hash}/publish", {"effective_at": "2026-12-25T18:00"}
    page = manager.post(f"{path}/check", **later).text
    assert "somebody else than who drafted them must publish them" in page
    assert "Publish them" not in page
    answer = manager.post(path, **later)
    assert (answer.status_code, "you drafted them" in answer.text) == (409, True)
    assert get_ruleset(town.context, draft.hash).state == "draft"
    other = desk(town, "owner")
    assert "Publish them" in other.post(f"{path}/check", **later).text
    assert other.post(path, **later).status_code == 303
    page = manager.read(f"/console/rulesets/{draft.hash}")
    assert "Drafted by" in page
    assert "published by" in page
