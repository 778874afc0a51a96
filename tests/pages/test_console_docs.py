"""The table of roles in docs/console.md is what the pages check."""

from __future__ import annotations

import re
from pathlib import Path

from pages_town import Town

from token_service.ledger.staff_roles import PERMISSIONS, ROLES, may

DOCUMENT = (Path(__file__).parents[2] / "docs/console.md").read_text(encoding="utf-8")
SAID = {
    "use the till of one merchant": "till:use",
    "members: search, one member's whole story": "members:read",
    "members: adjust points with a reason, close, open again, make one of two, segments, correct data": "members:adjust",
    "members: freeze, unfreeze": "members:freeze",
    "rules: read, check, simulate": "rulesets:read",
    "rules: draft, publish": "rulesets:write",
    "merchants: read": "merchants:read",
    "merchants: make, stores, ceilings": "merchants:write",
    "API keys of merchants: make, revoke": "keys:write",
    "API keys of the whole programme: make, revoke": "admin_keys:write",
    "settlement health": "settlement:read",
    "the trail of staff's actions": "trail:read",
    "staff: list": "staff:read",
    "staff: add, reset, disable": "staff:write",
}


def rows() -> list[list[str]]:
    lines = [line for line in DOCUMENT.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_roles_is_true() -> None:
    head, *lines = rows()
    assert tuple(sorted(head[1:])) == tuple(sorted(ROLES))
    for what, *marks in lines:
        for role, mark in zip(head[1:], marks, strict=True):
            assert (mark == "✓") == may(role, SAID[what]), (what, role)


def test_every_permission_is_in_the_table() -> None:
    assert {line[0] for line in rows()[1:]} == set(SAID)
    assert set(SAID.values()) == {one for some in PERMISSIONS.values() for one in some}


def test_every_address_that_the_guides_name_is_there(town: Town) -> None:
    rules = Path(__file__).parents[2] / "docs/rulesets.md"
    named = set(re.findall(r"`(/console[/a-z-]*)`", DOCUMENT + rules.read_text(encoding="utf-8")))
    assert len(named) >= 7
    assert named <= {rule.rule for rule in town.app().url_map.iter_rules()}


def test_every_page_of_the_console_that_a_list_leads_to_is_in_the_guide(town: Town) -> None:
    listed = {rule.rule for rule in town.app().url_map.iter_rules() if re.fullmatch(r"/console/[a-z]+", rule.rule)}
    assert {address for address in listed if f"`{address}`" not in DOCUMENT} == set()
