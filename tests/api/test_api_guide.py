"""docs/api.md is true: its tour is pasted into a shell and its Python is run, against a served deployment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deployments import Deployment
from documents import ROOT, Block, Reader, blocks

PAGE = "docs/api.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
RULES = """
ruleset: 1
program: {name: Corner shop, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning: [{id: base, kind: spend, points: 1, per: 100}]
limits: {manual_issuance_points: 1000}
rewards: [{id: free-coffee, kind: gift, points: 100}]
"""
NEXT = "--- the next block ---"
SHOWN = {"$CODE": "card", "$VOUCHER": "voucher"}
"""What a block reads off a member's wallet, and what shows it there (shown_in_wallet.py)."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """MEREAU and KEY of a deployment with the default rules and one reward, as the page asks for."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "rules.yaml").write_text(RULES, "utf-8")
    made = Deployment(folder / "var")
    done = made.run("init", "--ruleset", str(folder / "rules.yaml"))
    assert done.returncode == 0, done.stderr
    with made.serving():
        yield {"MEREAU": made.url, "KEY": made.key("Boulangerie Paul"), "MEREAU_DATA_DIR": str(made.folder)}


def test_the_tour_answers_in_a_shell_what_the_page_says(served: dict[str, str], tmp_path: Path) -> None:
    tour = examples()
    script = f"echo; echo '{NEXT}'\n".join(_read_off(command.text) for command, _ in tour)
    answers = Reader(tmp_path, port=0).run(script, **served).split(NEXT)
    assert len(answers) == len(tour) >= 14
    for (command, expected), answer in zip(tour, answers, strict=True):
        assert_includes(json.loads(answer), expected, command.text)


def test_the_python_client_runs_as_it_stands(served: dict[str, str], tmp_path: Path) -> None:
    client, day = (block.text for block in blocks(PAGE, "From Python", "python"))
    (tmp_path / "points.py").write_text(client)
    (tmp_path / "day.py").write_text(day)
    done = subprocess.run(
        [sys.executable, "-W", "error", "day.py"],
        cwd=tmp_path,
        env=served,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "120 1 point per 1.00 EUR of 120.00 EUR paid, rounded down"
    assert done.stdout.splitlines()[-1] == "440 points are missing"


def test_the_python_client_needs_requests_alone() -> None:
    code = "".join(block.text for block in blocks(PAGE, "From Python", "python"))
    imported = set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE))
    assert imported - set(sys.stdlib_module_names) == {"requests", "points"}


def test_the_guide_lists_all_scopes() -> None:
    from token_service.ledger.context import ADMIN_SCOPES

    assert set(re.findall(r"^\| `([a-z_]+:[a-z]+)` \|", TEXT, re.MULTILINE)) == set(ADMIN_SCOPES)


def _read_off(command: str) -> str:
    """The command, after what a member shows has been read off their wallet."""
    shown = [(name.removeprefix("$"), page) for name, page in SHOWN.items() if name in command]
    program = Path(__file__).with_name("shown_in_wallet.py")
    return "".join(f'{name}=${{{name}:-$(python {program} {page} "$MEMBER")}}\n' for name, page in shown) + command


def examples() -> list[tuple[Block, Any]]:
    """Each shell block with the answer that follows it; a voucher needs its member first (test_api_vouchers.py), a delivery rules
    that wait for it (test_api_windows.py).
    """
    found = [block for block in blocks(PAGE) if block.section not in ("Honour a voucher", "Deliveries")]
    return [(block, json.loads(found[place + 1].text)) for place, block in enumerate(found) if block.language == "sh"]


def assert_includes(answer: Any, expected: Any, where: str) -> None:
    """The answer has everything that the page shows; "…" and the 0 of a chain id stand for anything."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in answer, f"{name} in {where}"
            if name != "chain_id":
                assert_includes(answer[name], value, where)
    elif isinstance(expected, list):
        assert len(answer) >= len(expected), where
        for one, other in zip(answer, expected, strict=False):
            assert_includes(one, other, where)
    elif isinstance(expected, str) and "…" in expected:
        assert answer.startswith(expected.partition("…")[0]), where
    else:
        assert answer == expected, where
