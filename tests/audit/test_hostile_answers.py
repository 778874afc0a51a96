"""Servers, files and details that harm whoever audits: answers without end, redirects, escape sequences, impossible dates."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from token_service.audit import fetching, rpc
from token_service.audit.accounts.opened import instant_at
from token_service.audit.report import Finding, Findings
from token_service.audit.sources import Http, Unavailable, document_source
from token_service.cli.audit_commands import audit
from token_service.errors import InvalidInput, NodeUnreachable
from token_service.protocol import receipts

from .lying_node import running
from .opened_programme import OpenedProgramme, Settling, findings, make_opened
from .programme import Programme
from .test_honest_chain import explain
from .test_openings import reasons
from .test_replayed_lies import DAY, RULES, lie, saying

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def made(node_url: str, tmp_path: Path, keys_folder: Path) -> OpenedProgramme:
    return make_opened(node_url, tmp_path, keys_folder, RULES)


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[str | None]]]:
    """A server, and the Authorization headers that it was sent."""
    keys: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers.get("Authorization"))
            answer(self)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with running(Handler) as url:
        yield url, keys


def endless(to: BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    to.end_headers()
    try:
        while True:
            to.wfile.write(b" " * 65_536)
    except OSError:
        return


def dripping(to: BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    to.end_headers()
    try:
        for _ in range(100):
            to.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:
        return


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "ANSWER_BYTES_MAX", 1_000_000)
    with answering(endless) as (url, _):
        with pytest.raises(InvalidInput, match="more than"):
            Http(url).get("/v1/rulesets/0x", 1_000_000)
        with pytest.raises(NodeUnreachable, match="more than"):
            rpc.Rpc(url).request("eth_chainId")


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "ANSWER_SECONDS", 0.2)
    with answering(dripping) as (url, _), pytest.raises(Unavailable, match="Timeout"):
        Http(url).get("/v1/rulesets/0x")


def test_a_key_does_not_follow_a_redirect() -> None:
    """Not even to another port of the same machine."""
    with answering(lambda to: to.send_error(404)) as (elsewhere, seen):

        def redirect(to: BaseHTTPRequestHandler) -> None:
            to.send_response(307)
            to.send_header("Location", elsewhere + to.path)
            to.end_headers()

        with answering(redirect) as (url, keys), pytest.raises(Unavailable, match="307"):
            Http(url, "mk_key").get("/v1/batches/0x/1/openings")
    assert (keys, seen) == (["Bearer mk_key"], [])


def test_an_entry_in_netrc_does_not_take_the_keys_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with answering(lambda to: to.send_error(404)) as (url, keys), pytest.raises(Unavailable):
        Http(url, "mk_key").get("/v1/batches/0x/1/openings")
    assert keys == ["Bearer mk_key"]


def test_a_pipe_among_the_rulesets_does_not_hold_the_audit_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.json")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    with pytest.raises(Unavailable):
        document_source(str(tmp_path)).document("0x00")


def test_what_foreigners_say_steers_no_terminal() -> None:
    found = Findings()
    found.add(Finding("awards", "a \x1b[2J", expected="\x9b31m", found="x" * 100_000, transaction="0x\n1"))
    found.doubt("awards", "\x1b]0;all held\x07")
    said = " ".join([str(found.kept[0]), str(found.kept[0].transaction), *found.doubts["awards"]])
    assert said.isprintable()
    assert len(said) < 4_000


def test_a_reason_with_line_separators_stays_one_line(made: OpenedProgramme) -> None:
    """U+2028 ends a line for some readers and not for JSON."""
    made.town.adjust(made.town.member(), 50)
    made.bend = lambda leaves: [saying(leaf, reason="one\u2028two\u0085three") for leaf in leaves]
    made.settle()
    report = made.audit()
    assert report.exit_code == 0, explain(report)


@pytest.mark.parametrize(
    "detail",
    [
        {"recorded_at": "9999-12-31T23:59:59Z"},
        {"occurred_at": "0001-01-01T00:00:00+23:59"},
        {"expires_at": "9999-12-31T23:59:59-23:59"},
        {"part": 10**3000},
        {"facts": {"occurred_at": "9999-12-31T23:59:59Z"}},
        {"facts": {"occurred_at": "0001-01-01T00:00:00+23:59"}},
        {"points": 10**3000, "awarded": 10**3000},
    ],
)
def test_impossible_dates_and_numbers_are_findings(
    made: OpenedProgramme, detail: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    member = made.town.member()
    made.town.buy(member, 2_390)

    def bent(leaf: Settling) -> Settling:
        more = {"facts": leaf.detail["facts"] | detail["facts"]} if "facts" in detail else {}
        return saying(leaf, **(detail | more))

    canonical = receipts.jcs

    def written(value: object) -> str:
        try:
            return canonical(value)
        except InvalidInput:
            return json.dumps(value)

    monkeypatch.setattr(receipts, "jcs", written)
    report = lie(made, "issuance", bent)
    assert report.exit_code == 1, explain(report)
    assert findings(report, "openings")


def test_a_time_of_the_chain_behind_all_calendars_is_their_end() -> None:
    assert instant_at(2**64 - 1) == datetime(8999, 12, 31, tzinfo=UTC)
    assert instant_at(0) == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_leaf_that_is_said_to_be_erased_while_its_account_goes_on(made: OpenedProgramme) -> None:
    """Erasure deletes the key of all of an account's leaves: one alone is hidden."""
    member = made.town.member()
    made.town.buy(member, 3_000)
    made.settle()
    made.town.buy(member, 1_000)
    made.settle()
    first, _ = made.chain.batches
    hidden = tuple(dataclasses.replace(filed, id=None, opening=None, closed="erased") for filed in first.leaves)
    made.write(dataclasses.replace(first, leaves=hidden))
    report = made.audit()
    assert report.exit_code == 2, explain(report)
    assert "said to be erased" in reasons(report, "openings")


def test_a_purchase_that_is_moved_over_midnight(made: OpenedProgramme) -> None:
    """Limits of a day are counted by the programme's clock: an hour's difference is said even if summer time explains it."""
    made.town.clock.at = made.town.clock.at.replace(hour=22, minute=30)  # 23:30 in Paris
    made.town.buy(made.town.member(), 2_390)

    def tomorrow(leaf: Settling) -> Settling:
        facts = leaf.detail["facts"]
        local = (made.town.clock.at + DAY).date()
        there = facts["local"] | {
            "date": local.isoformat(), "weekday": local.isoweekday(), "day": local.day, "month": local.month,
            "year": local.year, "hour": 0,
        }  # fmt: skip
        return saying(leaf, facts=facts | {"local": there})

    report = lie(made, "issuance", tomorrow)
    assert report.exit_code == 2, explain(report)
    assert "another summer time" in reasons(report, "history")


# --- Exit codes ------------------------------------------------------------------------------------------------------


def run(programme: Programme, *more: str) -> Result:
    return CliRunner().invoke(audit, ["--rpc", programme.url, "--block", "latest", *more])


def test_what_cannot_even_start_does_not_say_that_something_differs(settled: Programme, tmp_path: Path) -> None:
    right = ("--contract", settled.contract)
    broken = tmp_path / "june.json"
    broken.write_text("{}")
    key = tmp_path / "key"
    key.write_bytes(b"\xff\xfe")
    for more in (
        ("--contract", "0x12"),
        (*right, "--since", str(broken)),
        (*right, "--block", "yesterday"),
        (*right, "--openings", "https://points.example"),
        (*right, "--openings", "https://points.example", "--key-file", str(key)),
        (*right, "--html", str(tmp_path / "no" / "folder.html")),
        (*right, "--checkpoint", str(tmp_path / "no" / "july.json")),
    ):
        result = run(settled, *more)
        assert result.exit_code == 2, (more, result.output)
        assert "Could not be checked" in result.output
