"""The contract's custom errors, read from the data of a reverted call."""

from __future__ import annotations

from dataclasses import dataclass

from token_service.errors import InvalidInput
from token_service.protocol import abi, interface
from token_service.protocol.hashing import from_hex


@dataclass(frozen=True, slots=True)
class ContractFailure:
    """Why the contract refused: the error's name and its fields by the contract's names (ERC-6093 style)."""

    name: str
    arguments: dict[str, abi.Value]

    def __str__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.name}({inside})"


def decode_error(data: bytes | str) -> ContractFailure | None:
    """The failure that revert data carry ("0x…" text or bytes), None for data of no error that the contract knows."""
    try:
        raw = from_hex(data) if isinstance(data, str) else data
        signature = interface.errors_by_selector().get(raw[:4])
        if signature is None:
            return None
        values = abi.decode(signature.kinds, raw[4:])
    except InvalidInput:
        return None
    return ContractFailure(signature.name, {f.name: v for f, v in zip(signature.fields, values, strict=True)})
