"""The contract's views that the worker needs, each one eth_call."""

from __future__ import annotations

from typing import Any

from token_service.chain import reads
from token_service.chain.admin_calls import ROLES
from token_service.chain.node import Node
from token_service.errors import InvalidInput, NodeUnreachable
from token_service.protocol import abi, contract_state
from token_service.protocol.calldata import encode_call
from token_service.protocol.contract_state import LaneState, PartyState, Totals


def last_seq(node: Node, contract: str, operator: str, block: str = "latest") -> int:
    """The sequence of the operator's newest batch after a block, 0 before the first."""
    return int(_value(node, contract, "lastSeq", operator, block=block))


def totals(node: Node, contract: str, block: str = "latest") -> Totals:
    """Points of each kind after a block."""
    return contract_state.read_totals(_call(node, contract, "totals", block=block))


def total_supply(node: Node, contract: str, block: str = "latest") -> int:
    """All points that are out after a block."""
    return int(_value(node, contract, "totalSupply", block=block))


def has_role(node: Node, contract: str, role: str, account: str) -> bool:
    return bool(_value(node, contract, "hasRole", ROLES[role], account))


def ruleset_at(node: Node, contract: str, timestamp: int) -> str:
    """The hash of the ruleset in force at that second, the zero hash if there is none."""
    return str(_value(node, contract, "rulesetAt", timestamp))


def party(node: Node, contract: str, number: int) -> PartyState:
    return contract_state.read_party(_call(node, contract, "partyOf", number))


def lane(node: Node, contract: str, operator: str) -> LaneState:
    return contract_state.read_lane(_call(node, contract, "laneOf", operator))


def balance_of(node: Node, contract: str, account: str, block: str = "latest") -> int:
    """The account's points after a block ("latest", or a number in hex)."""
    return int(_value(node, contract, "balanceOf", account, block=block))


def _value(node: Node, contract: str, name: str, *arguments: abi.Value, block: str = "latest") -> Any:
    try:
        return contract_state.read_value(name, _call(node, contract, name, *arguments, block=block))
    except InvalidInput as error:
        raise NodeUnreachable("the chain node answers nonsense", method="eth_call") from error


def _call(node: Node, contract: str, name: str, *arguments: abi.Value, block: str = "latest") -> bytes:
    return reads.call(node, to=contract, data=encode_call(name, *arguments), block=block)
