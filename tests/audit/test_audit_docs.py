"""docs/audit.md says what the auditor does: every check, option and exit code; its commands are run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from cli.conftest import founded, purchase

from token_service.audit.report import CHECKS, AuditReport, Finding, Status
from token_service.cli.audit_commands import audit, verify
from token_service.protocol import receipts

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_is_explained(check: str) -> None:
    assert f"| `{check}` |" in (DOCS / "audit.md").read_text()


@pytest.mark.parametrize(
    "option", sorted({o for c in (audit, verify) for p in c.params for o in p.opts if o[0] == "-"})
)
def test_every_option_is_explained(option: str) -> None:
    assert f"`{option}" in (DOCS / "audit.md").read_text()


@pytest.mark.parametrize("status", Status)
def test_every_status_is_named(status: Status) -> None:
    assert f"*{status}*" in (DOCS / "audit.md").read_text()


def test_the_leaf_types_are_those_of_the_code() -> None:
    written = ", ".join(f'"{kind}"' for kind in receipts.LEAF_TYPES)
    assert f"[{written}]" in (DOCS / "receipts.md").read_text()


@pytest.mark.parametrize(
    "name", [field.name for field in fields(AuditReport)] + [field.name for field in fields(Finding)]
)
def test_every_key_of_the_json_is_named(name: str) -> None:
    assert re.search(rf"\b{name}\b", (DOCS / "audit.md").read_text().split("`--json` prints")[1])


def test_its_commands_end_in_clean_audits(tmp_path: Path) -> None:
    """On a programme with one purchase; between the first audits and the last nothing else happens."""
    made = founded(tmp_path / "var")
    script = "\n".join(re.findall(r"```sh\n(.*?)```", (DOCS / "audit.md").read_text(), re.DOTALL))
    assert script.count("mereau audit") == 6
    key = made.key()
    with made.serving():
        made.post("/v1/members", {"external_id": "card-1"}, key).raise_for_status()
        made.post("/v1/purchases", purchase("ticket-1"), key).raise_for_status()
        made.run("settle", "--wait")
        script = script.replace("http://127.0.0.1:8000", made.url)
        environment = made.environment | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("All requested checks held.") == 6
    assert (tmp_path / "report.html").read_text().count("All requested checks held.") == 2
    assert "mk_" not in done.stdout + done.stderr
    assert sorted(path.name for path in (tmp_path / "books").iterdir())[-1] == "rulesets"
