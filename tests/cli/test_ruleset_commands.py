"""`mereau ruleset` on files: mistakes with their places, the canonical form, the hash, what changes."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from token_service.cli import main
from token_service.cli.ruleset_commands import ruleset
from token_service.program.conditions_apart import judge_apart
from token_service.program.ruleset import default_ruleset_text, parse_ruleset, ruleset_hash

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(ruleset, [str(argument) for argument in arguments])


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(default_ruleset_text())
    return path


@pytest.mark.parametrize("name", ["simple.yaml", "les-halles.yaml"])
def test_the_examples_are_fit_to_publish(name: str) -> None:
    answer = run("check", EXAMPLES / name)
    assert (answer.exit_code, "fit to publish" in answer.output) == (0, True)


def test_check_names_the_place_of_each_mistake(document: Path) -> None:
    document.write_text(default_ruleset_text() + "surprise: 1\nexpiry: {kind: fixed, period: soon}\n")
    answer = run("check", document)
    assert answer.exit_code == 1
    assert "/surprise: is not a key" in answer.output
    assert "/expiry/period: must be an ISO 8601 duration" in answer.output


def test_check_names_contradictions_and_hostile_conditions(document: Path) -> None:
    campaigns = [
        {"id": "base", "award": {"points": 1}},
        {"id": "deep", "when": "(" * 200 + "true" + ")" * 200, "award": {"points": 1}},
    ]
    document.write_text(default_ruleset_text() + f"campaigns: {json.dumps(campaigns)}\n")
    answer = run("check", document, "--json")
    assert answer.exit_code == 1
    verdict = json.loads(answer.stdout)
    assert (verdict["valid"], [error["pointer"] for error in verdict["errors"]]) == (
        False,
        ["/campaigns/0/id", "/campaigns/1/when"],
    )


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: &a [*a]", b"{" * 5000, b"x" * 300_000, b""])
def test_check_refuses_what_cannot_be_read(document: Path, content: bytes) -> None:
    document.write_bytes(content)
    answer = run("check", document)
    assert answer.exit_code == 1
    assert answer.exception is None or isinstance(answer.exception, SystemExit)


def test_show_prints_exactly_what_is_hashed(document: Path) -> None:
    shown = run("show", document).stdout
    assert run("hash", document).stdout.strip() == ruleset_hash(shown)
    assert parse_ruleset(shown) == parse_ruleset(default_ruleset_text())


def test_diff_tells_changes_and_addenda(document: Path, tmp_path: Path) -> None:
    assert run("diff", document, document).output == "No change.\n"
    more = tmp_path / "more.yaml"
    more.write_text(default_ruleset_text() + "rewards: [{id: coffee, kind: gift, points: 100}]\n")
    answer = run("diff", document, more)
    assert (answer.exit_code, "An addendum." in answer.output) == (0, True)
    back = run("diff", more, document, "--json")
    assert (back.exit_code, json.loads(back.stdout)["addendum"]) == (1, False)


def test_the_exit_code_reaches_the_shell(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document.write_text("ruleset: 1\n")
    monkeypatch.setattr(sys, "argv", ["mereau", "ruleset", "check", str(document)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1


def test_a_condition_that_kills_its_judge_is_refused_alone() -> None:
    judge = """
import json, os, sys
conditions = json.load(sys.stdin)
if "kill" in conditions:
    os.kill(os.getpid(), 11)
print(json.dumps([None] * len(conditions)))
"""
    command = [sys.executable, "-c", judge]
    assert judge_apart(["true", "kill", "false"], command=command) == [
        None,
        "takes the process down that judges it",
        None,
    ]
    assert judge_apart(["true"], command=command) == [None]
    assert judge_apart([]) == []
