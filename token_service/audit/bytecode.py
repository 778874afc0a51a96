"""Whether the contract is the published build: its code with immutables masked, their values, and the transaction
that made it.

Equal code alone proves little: another constructor could have filled the storage first. So the creation is read too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from token_service.audit.report import Finding, Findings
from token_service.audit.rpc import Rpc
from token_service.errors import InvalidInput, RpcError
from token_service.protocol import abi, calldata
from token_service.protocol.contract_build import contract_build, expected_immutables
from token_service.protocol.contract_state import read_value
from token_service.protocol.hashing import address_to_bytes, checksum_address, from_hex, to_hex
from token_service.protocol.transactions import contract_address

CONSTRUCTOR: Final = ("string", "string", "address", "uint48", "uint40", "uint40")


@dataclass(frozen=True, slots=True)
class Constants:
    """What the code fixes: first block (0 when unknown) and periods in seconds (None when unknown)."""

    has_code: bool
    deployed_at: int
    notice_period: int | None
    sunset_notice: int | None


def check_code(rpc: Rpc, chain_id: int, contract: str, block: str, findings: Findings) -> Constants:
    """The contract's constants as of a block (a quantity in hex); notes where code, constants or creation differ."""
    code = rpc.data("eth_getCode", contract, block)
    build = contract_build()
    if not build.is_code_of_build(code):
        what = "no code" if not code else f"{len(code)} other bytes"
        expected = f"the {len(build.deployed_bytecode)} bytes of {build.name}"
        findings.add(Finding("bytecode", "the contract is not the published build", expected=expected, found=what))
        return Constants(bool(code), _first_block(rpc, contract, block) if code else 0, None, None)
    values = {name: int.from_bytes(raw) for name, raw in build.immutables_in(code).items()}
    constants = Constants(True, values["DEPLOYED_AT"], values["noticePeriod"], values["sunsetNotice"])
    _check_immutables(chain_id, contract, code, constants, findings)
    _check_creation(rpc, contract, constants, findings)
    return constants


def _first_block(rpc: Rpc, contract: str, block: str) -> int:
    """Where another contract says that it begins; 0 if it does not say."""
    try:
        return int(read_value("DEPLOYED_AT", rpc.call(contract, calldata.encode_call("DEPLOYED_AT"), block)))
    except (RpcError, InvalidInput):
        return 0


def _check_immutables(chain_id: int, contract: str, code: bytes, constants: Constants, findings: Findings) -> None:
    expected = expected_immutables(
        chain_id=chain_id,
        address=address_to_bytes(contract),
        deployed_at=constants.deployed_at,
        notice_period=constants.notice_period or 0,
        sunset_notice=constants.sunset_notice or 0,
    )
    for name, value in contract_build().immutables_in(code).items():
        if value != expected[name]:
            detail = f"the constant {name} in the contract's code is wrong"
            findings.add(Finding("bytecode", detail, expected=to_hex(expected[name]), found=to_hex(value)))


def _check_creation(rpc: Rpc, contract: str, constants: Constants, findings: Findings) -> None:
    """The transaction in block DEPLOYED_AT that made the contract ran the published constructor."""
    block = rpc.request("eth_getBlockByNumber", hex(constants.deployed_at), True)
    try:
        _check_maker(block, contract, constants, findings)
    except (InvalidInput, KeyError, TypeError, ValueError):
        findings.doubt("bytecode", f"block {constants.deployed_at} of the node is malformed")


def _check_maker(block: Any, contract: str, constants: Constants, findings: Findings) -> None:
    transactions = block.get("transactions", []) if isinstance(block, dict) else []
    made = [t for t in transactions if isinstance(t, dict) and _makes(t, contract)]
    if not made:
        findings.doubt("bytecode", f"no transaction of block {constants.deployed_at} made the contract directly")
        return
    sent = from_hex(made[0].get("input") or made[0]["data"])
    build = contract_build()
    if not sent.startswith(build.bytecode):
        detail = "the contract was made by another constructor than the published one"
        findings.add(Finding("bytecode", detail, block=constants.deployed_at, transaction=made[0].get("hash")))
        return
    made_with = abi.decode(CONSTRUCTOR, sent[len(build.bytecode) :])[-2:]
    in_code = (constants.notice_period, constants.sunset_notice)
    if made_with != in_code:
        detail = "the periods in the code are not those it was made with"
        findings.add(Finding("bytecode", detail, expected=str(made_with), found=str(in_code)))


def _makes(transaction: dict[str, Any], contract: str) -> bool:
    if transaction.get("to") is not None:
        return False
    return checksum_address(contract_address(transaction["from"], int(transaction["nonce"], 16))) == contract
