"""py-evm's BLS12-381 precompiles (EIP-2537), imported when a contract calls one: their tables take a third of the time in which
a command starts, and no contract of ours calls them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from threading import Lock
from types import ModuleType
from typing import Any, Final

PACKAGE: Final = "eth.precompiles.bls12_381"
NAMES: Final = (
    "bls12_g1_add",
    "bls12_g1_msm",
    "bls12_g2_add",
    "bls12_g2_msm",
    "bls12_map_fp2_to_g2",
    "bls12_map_fp_to_g1",
    "bls12_pairing_check",
)
_STAND_IN: Final = ModuleType(PACKAGE, __doc__)
_IMPORTING: Final = Lock()


def _imported() -> ModuleType:
    with _IMPORTING:
        if sys.modules.get(PACKAGE) is _STAND_IN:
            del sys.modules[PACKAGE]
        return importlib.import_module(PACKAGE)


def _on_demand(name: str) -> Callable[[Any], Any]:
    def precompile(computation: Any) -> Any:
        return getattr(_imported(), name)(computation)

    return precompile


def stand_in_for_bls() -> None:
    """From here on `import eth` leaves them out until they are called; nothing happens where it is imported already."""
    for name in NAMES:
        setattr(_STAND_IN, name, _on_demand(name))
    sys.modules.setdefault(PACKAGE, _STAND_IN)
