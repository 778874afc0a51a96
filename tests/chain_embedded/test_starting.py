"""What the embedded chain imports when it starts, and that what it leaves out is there when it is called."""

from __future__ import annotations

import subprocess
import sys

IMPORTED = "sorted(name for name in sys.modules if name.startswith('py_ecc.optimized_bls12_381'))"


def printed_by_a_new_process(*lines: str) -> str:
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_tables_of_bls_are_not_imported_with_the_chain() -> None:
    assert printed_by_a_new_process("import sys, token_service.chain.embedded", f"print({IMPORTED})") == "[]"


def test_a_contract_that_calls_them_finds_every_precompile_of_bls() -> None:
    """EIP-2537: G1ADD (0x0b) of the generator with itself, and the seven addresses 0x0b to 0x11."""
    printed = printed_by_a_new_process(
        "import token_service.chain.embedded",
        "from types import SimpleNamespace",
        "from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES",
        "numbered = {int.from_bytes(at): call for at, call in PRAGUE_PRECOMPILES.items()}",
        "precompiles = {at: call for at, call in numbered.items() if 0x0B <= at <= 0x11}",
        "def called(at, data):",
        "    gas = []",
        "    call = SimpleNamespace(msg=SimpleNamespace(data=data), output=None)",
        "    call.consume_gas = lambda amount, reason: gas.append(amount)",
        "    precompiles[at](call)",
        "    return gas, call.output",
        "from py_ecc.optimized_bls12_381 import G1, double, normalize",
        "raw = lambda point: b''.join(int(one).to_bytes(64) for one in normalize(point))",
        "assert called(0x0B, raw(G1) * 2) == ([375], raw(double(G1)))",
        "import eth.precompiles.bls12_381 as real",
        "assert called(0x0F, bytes(384))[1] == (1).to_bytes(32)",
        "from token_service.chain.embedded.bls_on_demand import NAMES",
        "assert set(NAMES) == {name for name in vars(real) if name.startswith('bls12_') and callable(getattr(real, name))}",
        "print(len(precompiles))",
    )
    assert printed == "7"
