"""forge, halmos and slither were run over this very contract: `make prove` does it, and keeps the record."""

from __future__ import annotations

import json

from scripts.record_proofs import RECORD, record


def test_the_proofs_are_about_these_sources() -> None:
    proved = json.loads(RECORD.read_text(encoding="utf-8"))
    assert {"contracts/LoyaltyPoints.sol", "tests/contracts/forge/Properties.t.sol"} <= proved.keys()
    assert proved == record(), "the contract, a property or a tool has changed since it was proved: run `make prove`"
