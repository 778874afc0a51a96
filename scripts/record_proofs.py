"""Writes contracts/proofs.json: what forge, halmos and slither were last run over. `make prove` calls it after they passed.

The tools take two minutes and the contract seldom changes: `make test` compares the record with the sources instead.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
RECORD: Final = REPOSITORY / "contracts" / "proofs.json"
PROVED: Final = ("contracts/*.sol", "tests/contracts/forge/*.sol", "scripts/analysis_venv.sh", "package-lock.json")
"""The sources, the properties, and the versions of the tools."""


def record() -> dict[str, str]:
    """SHA-256 of each file that the proofs are about, by its path."""
    paths = sorted(path for pattern in PROVED for path in REPOSITORY.glob(pattern))
    return {str(path.relative_to(REPOSITORY)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
    print(f"{RECORD.relative_to(REPOSITORY)} written")
