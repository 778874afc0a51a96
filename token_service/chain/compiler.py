"""Compiles the contract, to the same bytes in every folder and on every machine.

Used by scripts/build_contract.py and by the test that rebuilds; running Méreau needs no compiler, it reads the committed build
(protocol/contract_build.py). py-solc-x drives whichever solc there is. Source names are relative, without remappings: both go
into the metadata, whose hash is in the bytecode (DESIGN §5 "Compiler").
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from token_service.errors import BadSettings

SOLC_VERSION: Final = "0.8.37"
CONTRACT_NAME: Final = "LoyaltyPoints"
CONTRACT_SOURCE: Final = f"contracts/{CONTRACT_NAME}.sol"
SETTINGS: Final[Mapping[str, Any]] = {
    "evmVersion": "prague",  # solc's own default is Osaka; py-evm ends at Prague
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 150},
    "metadata": {"bytecodeHash": "ipfs", "useLiteralContent": False},
}


def find_solc(*, repository: Path, solc_binary: Path | None) -> Path:
    """The compiler to drive: `solc_binary` if given, else one that py-solc-x has installed, else the npm package's.

    Raises BadSettings if there is none, with what to do.
    """
    import solcx

    if solc_binary is not None:
        if not solc_binary.is_file():
            raise BadSettings("SOLC_BINARY names no file.")
        return solc_binary
    if SOLC_VERSION in (str(version) for version in solcx.get_installed_solc_versions()):
        return Path(solcx.install.get_executable(SOLC_VERSION))
    wrapper = repository / "scripts" / "solc-npm"
    if wrapper.is_file() and (repository / "node_modules" / "solc").is_dir():
        return wrapper
    raise BadSettings(f"There is no Solidity compiler: run `npm ci`, or set SOLC_BINARY to solc {SOLC_VERSION}.")


def compile_contract(*, repository: Path, solc: Path) -> dict[str, Any]:
    """The build as it is committed: ABI, bytecode, deployed bytecode, immutables by name, compiler, settings, source hashes.

    `repository` holds contracts/ and node_modules/. Byte codes are 0x-hex. Raises BadSettings if the compiler is another version.
    """
    import solcx

    own = {f"contracts/{path.name}": path for path in sorted((repository / "contracts").glob("*.sol"))}
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {name: {"content": path.read_text(encoding="utf-8")} for name, path in own.items()},
            "settings": {**SETTINGS, "outputSelection": _wanted()},
        },
        solc_binary=solc,
        base_path=repository / "node_modules",
    )
    contract = output["contracts"][CONTRACT_SOURCE][CONTRACT_NAME]
    metadata = json.loads(contract["metadata"])
    compiler = str(metadata["compiler"]["version"])
    if not compiler.startswith(f"{SOLC_VERSION}+"):
        raise BadSettings(f"The contract is compiled with solc {SOLC_VERSION}, not {compiler}.")
    deployed = contract["evm"]["deployedBytecode"]
    return {
        "contractName": CONTRACT_NAME,
        "compiler": compiler,
        "settings": dict(SETTINGS),
        "sourceHashes": _source_hashes(metadata["sources"], own=own, base_path=repository / "node_modules"),
        "immutableReferences": _by_name(deployed["immutableReferences"], _names_of_immutables(output["sources"])),
        "storageLayout": _storage(contract["storageLayout"]),
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
    }


def render_build(build: Mapping[str, Any]) -> str:
    """The committed text of a build: JSON with one indent, so that a change of the ABI shows as a change of lines."""
    return json.dumps(build, indent=1, ensure_ascii=False) + "\n"


def _wanted() -> dict[str, Any]:
    of_contract = ["abi", "metadata", "storageLayout", "evm.bytecode.object"]
    of_deployed = ["evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]
    return {CONTRACT_SOURCE: {CONTRACT_NAME: of_contract + of_deployed}, "*": {"": ["ast"]}}


def _source_hashes(sources: Mapping[str, Any], *, own: Mapping[str, Path], base_path: Path) -> dict[str, str]:
    """SHA-256 of every file that went into the contract, OpenZeppelin's included."""
    files = {name: own.get(name, base_path / name) for name in sorted(sources)}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def _names_of_immutables(sources: Mapping[str, Any]) -> dict[str, str]:
    """AST id => name of each immutable variable."""
    return {
        str(variable["id"]): str(variable["name"])
        for source in sources.values()
        for contract in source["ast"]["nodes"]
        if contract["nodeType"] == "ContractDefinition"
        for variable in contract["nodes"]
        if variable["nodeType"] == "VariableDeclaration" and variable["mutability"] == "immutable"
    }


def _by_name(references: Mapping[str, list[dict[str, int]]], names: Mapping[str, str]) -> dict[str, list[int]]:
    """Name => offsets in the deployed code, of 32 bytes each. AST ids would change with the order of files."""
    return {
        name: sorted(place["start"] for place in references[key])
        for name, key in sorted((names[key], key) for key in references)
    }


def _storage(layout: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Slot and byte offset of each variable, without the compiler's own numbers."""
    return [{"name": item["label"], "slot": int(item["slot"]), "offset": item["offset"]} for item in layout["storage"]]
