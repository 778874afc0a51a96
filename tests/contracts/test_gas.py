"""Gas, to the unit, on both chains, and within CONTRACT §1's targets. A change shows as a change of gas.json.

To write the file anew: python scripts/measure_gas.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from contract_gas import measure
from contract_program import Program

from token_service.protocol.contract_build import contract_build

GOLDEN = Path(__file__).parent / "gas.json"
TARGETS = {"issue_existing": 8_150, "issue_new": 25_500, "redeem": 8_100, "expire": 8_100, "issue_ten_issuers": 8_900}


@pytest.fixture(scope="module")
def golden() -> dict[str, dict[str, int]]:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_gas_on_eth_tester_is_the_golden_file(program: Program, golden: dict[str, dict[str, int]]) -> None:
    assert measure(program) == golden


def test_gas_on_anvil_is_the_golden_file(anvil_program: Program, golden: dict[str, dict[str, int]]) -> None:
    assert measure(anvil_program) == golden


@pytest.mark.parametrize("operation", TARGETS)
def test_an_entry_of_a_batch_of_200_stays_within_its_target(golden: dict[str, dict[str, int]], operation: str) -> None:
    assert golden[operation]["200"] / 200 <= TARGETS[operation]


def test_a_signed_redemption_stays_within_its_target(golden: dict[str, dict[str, int]]) -> None:
    assert golden["redeem_with_signature"]["1"] <= 48_000


def test_the_code_stays_below_18_kilobytes() -> None:
    assert len(contract_build().deployed_bytecode) < 18_000
