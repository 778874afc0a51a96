"""The report as one page: complete without script or network, safe with any name in it, and saying what the report says."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from token_service.audit import plots
from token_service.audit.page import page
from token_service.audit.page_style import STYLE
from token_service.audit.report import CHECKS, AuditReport
from token_service.protocol.words import EntryWord

from .cheats import EMITS_WHAT_IT_IS_SENT, other_code
from .programme import ALICE, DAY, Programme
from .test_honest_chain import audit
from .test_lies import emit_transfer

VOID = {"meta", "rect", "line", "polygon", "polyline"}


class Reader(HTMLParser):
    """Collects tags and text, and fails where a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(report: AuditReport) -> Reader:
    reader = Reader()
    reader.feed(page(report))
    assert reader.open == []
    return reader


def test_it_needs_no_script_and_nothing_from_elsewhere(settled: Programme) -> None:
    found = read(audit(settled, receipts=str(settled.folder)))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in found.tags}
    names = {name for _, attributes in found.tags for name in attributes}
    assert not {"style", "src", "href"} & names
    assert not [name for name in names if name.startswith("on")]
    policy = next(a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in str(policy)
    assert "unsafe" not in str(policy)


def test_it_begins_with_the_verdict_and_has_every_check(settled: Programme) -> None:
    report = audit(settled, receipts=str(settled.folder))
    asked = sum(check.is_requested for check in report.checks)
    body = read(report).text.removeprefix(STYLE)
    assert body.index("All requested checks held.") < body.index(f"{asked} of {asked}") < body.index("bytecode")
    assert "All requested checks held." in body
    for name, sentence in CHECKS.items():
        assert name in body
        assert sentence in body
    assert "Boulangerie (2)" in body


def test_it_shows_findings_and_names_of_any_kind(settled: Programme) -> None:
    settled.admin("registerParty", 3, '<script>alert("x")</script>', 10, DAY)
    with other_code(settled, EMITS_WHAT_IT_IS_SENT):
        emit_transfer(settled, "0x" + "00" * 20, ALICE, 7)
    found = read(audit(settled))
    assert "Something differs." in found.text
    assert "a Transfer is no entry of a batch" in found.text
    assert '<script>alert("x")</script> (3)' in found.text


def test_the_empty_programme_has_a_page(programme: Programme) -> None:
    assert "nothing happened yet" in read(audit(programme)).text


def test_days_and_totals_are_the_same_sums(settled: Programme) -> None:
    settled.wait(3 * DAY)
    settled.settle(EntryWord(ALICE, 1, 1, 70))
    report = audit(settled)
    assert len(report.days) == 2
    for name, total in report.totals.items():
        assert sum(day.get(name, 0) for day in report.days.values()) == total
    assert {party.party: party.points for party in report.parties} == {1: 590, 2: 555}


@pytest.mark.parametrize(
    "days", [{}, {20_000: {"issued": 1}}, {20_000: {"issued": 10**15}, 23_000: {"redeemed": 10**15}}]
)
def test_plots_of_nothing_little_and_much_stay_inside_their_frame(days: dict[int, dict[str, int]]) -> None:
    for svg in (plots.points_by_kind(days), plots.outstanding(days)):
        for x, y, width, height in re.findall(
            r'<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)"', svg
        ):
            assert 0 <= float(x) <= float(x) + float(width) <= plots.WIDTH
            assert 0 <= float(y) <= float(y) + float(height) <= plots.HEIGHT


def test_the_command_writes_it(settled: Programme, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from token_service.cli.audit_commands import audit as command

    path = tmp_path / "report.html"
    words = ["--rpc", settled.url, "--contract", settled.contract, "--block", "latest", "--html", str(path)]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    assert "All requested checks held." in path.read_text()
