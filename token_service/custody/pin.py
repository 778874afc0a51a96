"""What a signer process signs for: one chain and one contract, told beside it once, never taken from whoever asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from token_service.custody import key_files
from token_service.errors import BadSettings

PIN_FILE: Final = "policy.json"


def pin(directory: Path, chain_id: int, contract: str | None) -> None:
    """Tells the signer process which chain and contract it signs for; the contract may follow later. What is told stays.

    Raises BadSettings if it was told another.
    """
    known = read_pin(directory)
    if known == (chain_id, contract):
        return
    if known is not None and known != (chain_id, None):
        raise BadSettings(f"{PIN_FILE} in the key folder names another chain or contract: remove it if that is meant")
    key_files.replace(directory / PIN_FILE, json.dumps({"chain_id": chain_id, "contract": contract}).encode() + b"\n")


def read_pin(directory: Path) -> tuple[int, str | None] | None:
    """Chain id and contract, None if nobody told. Raises BadSettings."""
    try:
        found = json.loads((directory / PIN_FILE).read_bytes())
        return int(found["chain_id"]), None if found["contract"] is None else str(found["contract"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSettings(f"{PIN_FILE} in the key folder cannot be read") from error
