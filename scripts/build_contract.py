"""Builds the contract and writes what is committed: token_service/protocol/LoyaltyPoints.json.

python scripts/build_contract.py            needs `npm ci`, or SOLC_BINARY=path of solc 0.8.37
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from token_service.chain.compiler import compile_contract, find_solc, render_build  # noqa: E402
from token_service.errors import OperatorError  # noqa: E402

BUILD_FILE = REPOSITORY / "token_service" / "protocol" / "LoyaltyPoints.json"


def main() -> int:
    chosen = os.environ.get("SOLC_BINARY")
    try:
        solc = find_solc(repository=REPOSITORY, solc_binary=Path(chosen) if chosen else None)
        build = compile_contract(repository=REPOSITORY, solc=solc)
    except OperatorError as error:
        print(error.detail, file=sys.stderr)
        return 2
    BUILD_FILE.write_text(render_build(build), encoding="utf-8")
    print(f"{BUILD_FILE.relative_to(REPOSITORY)}: {(len(build['deployedBytecode']) - 2) // 2:,} bytes of runtime code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
