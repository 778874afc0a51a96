"""`mereau ruleset simulate`: a draft beside other rules on a file of purchases: figures, drawing, mistakes by line."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from token_service.app.setup import Founding, initialise
from token_service.cli.ruleset_commands import ruleset
from token_service.config import Settings
from token_service.errors import InvalidInput

BASE = """
ruleset: 1
program: {name: M, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 200}}
earning: [{id: base, kind: spend, points: 1, per: 100}]
"""
DRAFT = (
    BASE
    + """
campaigns: [{id: morning, when: visit.hour < 10, award: {multiplier_percent: 200}}]
tiers: {qualify_by: spend, window: {kind: lifetime}, levels: [{id: bronze, from: 0}, {id: gold, from: 5000}]}
challenges: [{id: bread, count: {kind: items, categories: [bread]}, target: 3, award: {points: 40}}]
"""
)
HISTORY = """member,occurred_at,total,reference,category,quantity,amount
ada,2026-10-01T09:30,3000,a-1,bread,2,1000
ada,2026-10-01T09:30,3000,a-1,cheese,1,2000
ada,2026-11-05T15:00+01:00,2500,a-2,bread,1,2500
ben,2026-11-06T12:00,999,b-1,,,
"""


def run(folder: Path, history: str = HISTORY, *more: str) -> Result:
    for name, text in (("base.yaml", BASE), ("draft.yaml", DRAFT), ("h.csv", history)):
        (folder / name).write_text(text)
    arguments = [
        "simulate",
        str(folder / "draft.yaml"),
        "--on",
        str(folder / "h.csv"),
        "--base",
        str(folder / "base.yaml"),
    ]
    return CliRunner().invoke(ruleset, [*arguments, *more])


def test_it_compares_points_cost_and_margin(tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, HISTORY, "--json", "--margin-percent", "25").output)
    base, draft = found["base"], found["draft"]
    assert (base["purchases"], base["members"], base["revenue"]) == (3, 2, 6_499)
    assert (base["points"], base["cost"], base["margin"]) == (64, 128, 1_624 - 128)
    assert (draft["points"], draft["challenge_points"]) == (64 + 30 + 40, 40)
    assert draft["cost"] == 268
    assert draft["by_rule"] == {"base": 64, "morning": 30, "challenge:bread": 40}
    assert draft["by_month"] == {"2026-10": 60, "2026-11": 74}
    assert draft["levels"] == {"bronze": 1, "gold": 1}


def test_it_says_so_in_a_table(tmp_path: Path) -> None:
    said = run(tmp_path).output
    for words in (
        "3 purchases of 2 members, 64.99 EUR in all",
        "+109.4 %",
        "points of challenge:bread",
        "1 members gain, 0 lose",
    ):
        assert words in said, said


def test_it_draws_points_by_month(tmp_path: Path) -> None:
    assert run(tmp_path, HISTORY, "--plot", str(tmp_path / "p.svg")).exit_code == 0
    drawing = ET.parse(tmp_path / "p.svg").getroot()
    texts = ["".join(one.itertext()) for one in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"2026-10", "2026-11", "in force", "draft", "74"} <= set(texts)


@pytest.mark.parametrize(
    ("history", "sentence"),
    [
        ("member,total\na,1\n", "columns are missing: occurred_at"),
        ("member,occurred_at,total,colour\na,2026-10-01,1,red\n", "columns are unknown: colour"),
        ("member,occurred_at,total\na,yesterday,1\n", "line 2: occurred_at must be a time"),
        ("member,occurred_at,total\na,2026-10-01,1\na,2026-10-01,12.50\n", "line 3: total must be a whole number"),
        ("member,occurred_at,total\n,2026-10-01,1\n", "line 2: member is empty"),
        ("member,occurred_at,total,tax\na,2026-10-01,1,2\n", "line 2: tax exceeds total"),
        ("member,occurred_at,total\na,2026-10-01\n", "line 2 has another number of columns"),
        ("member,occurred_at,total\n", "has no purchases or events"),
        ("member,occurred_at,total,event\na,2026-10-01,,member.birthday\n", "line 2: member.birthday comes by itself"),
        ("member,occurred_at,total,event\na,2026-10-01,5,review\n", "line 2 is an event: total stays empty"),
        ("member,occurred_at,total,birth_date\na,2026-10-01,5,May\n", "line 2: birth_date must be a date"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, history: str, sentence: str) -> None:
    result = run(tmp_path, history)
    assert isinstance(result.exception, InvalidInput)
    assert sentence in result.exception.detail


MORE = """
earning:
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: review, kind: event, event: review.written, points: 20, once_per: subject}
  - {id: survey, kind: event, event: survey.answered, points: 9}
  - {id: hello, kind: event, event: member.joined, points: 15}
  - {id: cake, kind: event, event: member.birthday, points: 40}
campaigns: [{id: treat, when: order.total >= 2500, award: {voucher: five-off}}]
challenges: [{id: card, count: {kind: orders}, target: 3, award: {reward: coffee}}]
schedules: [{id: monthly, every: month, points: 3}]
memberships: [{id: club, price: 1000, period: P1Y, multiplier_percent: 200}]
segments: [{id: staff}]
rewards: [{id: five-off, kind: discount, points: 300, discount: {amount: 500}}, {id: coffee, kind: gift, points: 100}]
"""
WITH_EVENTS = """member,occurred_at,total,event,subject,joined_at,birth_date
ada,2026-10-01T09:30,3000,,,2026-10-01T09:30,1990-11-03
ada,2026-10-02T10:00,,review.written,bread,,
ada,2026-10-03T10:00,,review.written,bread,,
ben,2026-10-04T12:00,999,,,,
ada,2026-11-05T15:00,2500,,,,
ada,2026-12-05T15:00,100,,,,
"""


def simulated(folder: Path, *more: str) -> Result:
    (folder / "base.yaml").write_text(BASE)
    (folder / "more.yaml").write_text(BASE.partition("earning")[0] + MORE.lstrip())
    (folder / "h.csv").write_text(WITH_EVENTS)
    named = [str(folder / name) for name in ("more.yaml", "h.csv", "base.yaml")]
    return CliRunner().invoke(ruleset, ["simulate", named[0], "--on", named[1], "--base", named[2], *more])


def test_events_the_calendar_and_vouchers_are_part_of_it(tmp_path: Path) -> None:
    found = json.loads(simulated(tmp_path, "--json").output)["draft"]
    assert found["by_rule"] == {
        "base": 30 + 9 + 25 + 1,
        "hello": 15,
        "review": 20,
        "limit:earning:review": 0,
        "cake": 40,
        "monthly": 2 * 2 * 3,
        "challenge:treat": 0,
        "challenge:card": 0,
    }
    assert (found["purchases"], found["events"], found["event_points"]) == (4, 1 + 2 + 1 + 4, 15 + 20 + 40 + 12)
    assert (found["by_reward"], found["voucher_cost"]) == ({"five-off": 2, "coffee": 1}, 1_000)
    assert found["uncosted"] == {"coffee": 1}
    assert found["cost"] == 2 * found["points"] + 1_000
    assert found["margin"] == 6_599 * 30 // 100 - found["cost"]


def test_what_the_history_cannot_tell_is_said(tmp_path: Path) -> None:
    said = simulated(tmp_path).output
    for sentence in (
        "Not in it: the cost of vouchers for coffee, which the rules don't declare: 0 in force, 1 under the draft.",
        "Not in it: when 1 member joined (no joined_at): their first row counts as that day; no welcome is given them.",
        "Not in it: the birthdays of 1 member (no birth_date).",
        "Not in it: events of these types, of which the history has none: survey.answered.",
        "Not in it: memberships: nobody holds one",
        "Not in it: segments: nobody is in one (no segments)",
        "Not in it: refunds: every purchase is kept whole.",
    ):
        assert sentence in said, said


def test_a_draft_that_contradicts_itself_is_not_simulated(tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text(HISTORY)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(BASE + "benefits: [{id: lounge, name: {en: Lounge}}]\n")
    result = CliRunner().invoke(
        ruleset, ["simulate", str(wrong), "--on", str(tmp_path / "h.csv"), "--base", str(wrong)]
    )
    assert isinstance(result.exception, InvalidInput)
    assert "/benefits/0/id" in result.exception.detail


def test_simulate_compares_points_cost_and_margin_with_the_ruleset_in_force_with_a_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `--base`: a programme of its own, founded under other rules than the draft."""
    for name in [name for name in os.environ if name.startswith("MEREAU_")]:
        monkeypatch.delenv(name)
    initialise(Settings(data_dir=tmp_path / "var", log_level="error"), Founding(BASE))
    monkeypatch.setenv("MEREAU_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("MEREAU_LOG_LEVEL", "error")
    (tmp_path / "draft.yaml").write_text(DRAFT)
    (tmp_path / "h.csv").write_text(HISTORY)
    asked = ["simulate", str(tmp_path / "draft.yaml"), "--on", str(tmp_path / "h.csv")]
    plot = tmp_path / "p.svg"
    result = CliRunner().invoke(ruleset, [*asked, "--json", "--plot", str(plot)], catch_exceptions=False)
    told = json.loads(result.stdout)
    assert (told["base"]["points"], told["base"]["cost"], told["base"]["margin"]) == (64, 128, 1_949 - 128)
    assert (told["draft"]["points"], told["draft"]["cost"], told["draft"]["margin"]) == (134, 268, 1_949 - 268)
    assert "in force" in CliRunner().invoke(ruleset, asked, catch_exceptions=False).output
    assert ET.parse(plot).getroot().tag.endswith("svg")


def test_diff_in_plain_words(tmp_path: Path) -> None:
    """Every change as the open books tell it, before and after, and whether it may act at once or needs its notice."""
    (tmp_path / "old.yaml").write_text(BASE)
    (tmp_path / "new.yaml").write_text(BASE.replace("points: 1, per", "points: 2, per") + "return_window: P14D\n")
    result = CliRunner().invoke(ruleset, ["diff", str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml")])
    assert result.output.replace("\N{NO-BREAK SPACE}", " ").splitlines() == [
        "What a purchase earns",
        "  no longer: 1 point for every €1 spent",
        "  new: 2 points for every €1 spent",
        "When points can be used, and until when",
        "  no longer: Points can be used at once.",
        "  new: Points can be used 14 days after the purchase, its return window.",
        "Not an addendum: it needs its notice.",
    ]
