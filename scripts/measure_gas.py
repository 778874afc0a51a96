"""Measures the contract's gas and writes tests/contracts/gas.json, the golden file of tests/contracts/test_gas.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "contracts")]

from contract_chains import PyEvm  # noqa: E402
from contract_gas import measure  # noqa: E402
from contract_program import SIGNERS, deploy  # noqa: E402

measured = measure(deploy(PyEvm(SIGNERS)))
target = REPOSITORY / "tests" / "contracts" / "gas.json"
target.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
for operation, sizes in measured.items():
    print(f"{operation:24}", "  ".join(f"{int(size):>4}: {gas / int(size):>9,.0f}" for size, gas in sizes.items()))
