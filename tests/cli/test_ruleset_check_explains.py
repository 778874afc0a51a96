"""`mereau ruleset check` explains every mistake with its place: a row for each sentence of its checks, said by the tool."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from token_service.cli.ruleset_commands import ruleset
from token_service.errors import Place
from token_service.program import donation_check, expiry_check, gift_check, reward_check, ruleset_check
from token_service.program.ruleset import check_ruleset, parse_ruleset

from .ruleset_mistakes import BASE, MISTAKES, PROGRAM

CHECKS = (ruleset_check, reward_check, donation_check, expiry_check, gift_check)


def document(keys: dict[str, Any]) -> str:
    return json.dumps({"ruleset": 1, "program": PROGRAM, "earning": [BASE], **keys})


@pytest.mark.parametrize(("keys", "pointer", "sentence"), MISTAKES, ids=[f"{one[1]} {one[2]}"[:60] for one in MISTAKES])
def test_mereau_ruleset_check_explains_every_mistake_with_its_place(
    tmp_path: Path, keys: dict[str, Any], pointer: str, sentence: str
) -> None:
    path = tmp_path / "rules.json"
    path.write_text(document(keys))
    answer = CliRunner().invoke(ruleset, ["check", str(path)])
    assert answer.exit_code == 1
    told = [line.strip() for line in answer.output.splitlines() if f"{pointer}: " in line]
    assert len(told) == 1, answer.output
    assert sentence in told[0]


def calls_of_place(module: ModuleType) -> set[range]:
    """The lines of each `Place(…)` in it."""
    return {
        range(node.lineno, (node.end_lineno or 0) + 1)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Place"
    }


def test_the_table_has_a_row_for_each_sentence_that_the_check_can_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which `Place(…)` of the checks spoke is seen by its file and line."""
    spoke: set[tuple[str, int]] = set()

    def noted(pointer: str, detail: str) -> Place:
        frame = sys._getframe(1)
        spoke.add((frame.f_globals["__name__"], frame.f_lineno))
        return Place(pointer, detail)

    for module in CHECKS:
        monkeypatch.setattr(module, "Place", noted)
    for keys, pointer, _ in MISTAKES:
        assert pointer in {place.pointer for place in check_ruleset(parse_ruleset(document(keys)))}
    calls = [(module.__name__, lines) for module in CHECKS for lines in calls_of_place(module)]
    silent = [f"{name}, line {lines.start}" for name, lines in calls if not spoke & {(name, one) for one in lines}]
    assert len(calls) >= 50
    assert not silent, f"no row for {sorted(silent)}"


def test_no_other_module_of_the_rules_says_a_mistake_of_theirs() -> None:
    """A new file of checks belongs in CHECKS: everything that check_ruleset calls to find mistakes."""
    said_elsewhere = {"addendum.py", "document.py", "ruleset.py"}
    folder = Path(ruleset_check.__file__).parent
    saying = {path.name for path in folder.glob("*.py") if "Place(" in path.read_text()}
    assert saying - said_elsewhere == {Path(str(module.__file__)).name for module in CHECKS}
