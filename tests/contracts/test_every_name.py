"""Every function, event and error of the ABI appears by name in a test of this folder; a new one without a test fails here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from token_service.protocol.contract_build import contract_build

# What OpenZeppelin's parts put into the ABI and no call can reach, each with its reason.
UNREACHABLE = {
    "ERC20InvalidApprover": "the approver is msg.sender, never zero",
    "ERC20InvalidSender": "the sender of a transfer is in self-custody, so it is never zero",
    "InvalidShortString": "the domain's name and version are short constants",
    "StringTooLong": "the domain's name and version are short constants",
    "SafeCastOverflowedUintDowncast": "block times fit 48 bits",
    "EIP712DomainChanged": "the domain is fixed by the constructor",
    "RoleAdminChanged": "the admin of every role is ADMIN, for ever",
}
FOLDER = Path(__file__).parent
TEXT = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.py")) if path.name != Path(__file__).name
)
NAMES = sorted({(item["type"], item["name"]) for item in contract_build().abi if "name" in item})


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_it_has_a_test(kind: str, name: str) -> None:
    assert re.search(rf"\b{name}\b", TEXT) or (kind != "function" and name in UNREACHABLE)
