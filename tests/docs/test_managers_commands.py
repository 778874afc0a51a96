"""docs/rulesets.md and docs/console.md: the commands that publish rules and let people in, on a programme."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from deployments import Deployment, founded
from documents import ROOT, Reader, block_with, blocks, commands

from token_service.cli import group

PAGE = "docs/rulesets.md"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return founded(tmp_path_factory.mktemp("programme") / "var")


def test_rules_are_checked_published_and_listed(made: Deployment, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text((ROOT / "examples" / "les-halles.yaml").read_text())
    said = Reader(tmp_path, port=0).run(commands(PAGE, "Changing the rules"), MEREAU_DATA_DIR=str(made.folder))
    assert "fit to publish" in said
    assert "← in force" in said
    assert len([line for line in said.splitlines() if line.startswith("0x") and " published " in line]) == 2


def test_staff_are_let_in_listed_and_shut_out(made: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEREAU_DATA_DIR", str(made.folder))
    run = CliRunner().invoke
    assert run(group, ["merchant", "create", "Boulangerie Paul"]).exit_code == 0
    for line in block_with("docs/console.md", "For staff: who may do what", "mereau staff add").splitlines():
        done = run(group, shlex.split(line)[1:])
        assert done.exit_code == 0, (line, done.output)
    listed = run(group, ["staff", "list"]).output
    assert "paul@example.org" in listed
    assert "disabled" in listed


def test_documents_are_checked_shown_hashed_and_compared(tmp_path: Path) -> None:
    (first, *_) = blocks(PAGE, "Rulesets", "console")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for name in ("old.yaml", "new.yaml"):
        (tmp_path / name).write_text((ROOT / "examples" / "simple.yaml").read_text())
    script = "\n".join(line.removeprefix("$ ") for line in first.text.splitlines())
    said = Reader(tmp_path, port=0).run(script)
    assert "fit to publish" in said
    assert '{"accept_late":' in said
    assert "No change." in said
