"""docs/audit.md says what the auditor does: every check, option and exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from token_service.audit.report import CHECKS, Status
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
