"""What Méreau stands beside: a plain OpenZeppelin token, minted by its owner, singly or in a loop; and web3.py over any node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.providers import JSONBaseProvider

from token_service.chain.compiler import SETTINGS, find_solc
from token_service.chain.node import Node
from token_service.errors import RpcError

REPOSITORY: Final = Path(__file__).parents[2]
GAS_LIMIT: Final = 16_000_000
FEE_WEI: Final = 10**10
SOURCE: Final = """
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

contract PlainPoints is ERC20, ERC20Burnable, ERC20Permit, Ownable {
    constructor() ERC20("Plain", "PLAIN") ERC20Permit("Plain") Ownable(msg.sender) {}

    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    function burnOf(address from, uint256 amount) external onlyOwner {
        _burn(from, amount);
    }

    function mintMany(address[] calldata to, uint256[] calldata amounts) external onlyOwner {
        for (uint256 i = 0; i < to.length; ++i) _mint(to[i], amounts[i]);
    }
}

contract PlainBurns is PlainPoints {
    function burnMany(address[] calldata from, uint256[] calldata amounts) external onlyOwner {
        for (uint256 i = 0; i < from.length; ++i) _burn(from[i], amounts[i]);
    }
}
"""
FILE: Final = "PlainPoints.sol"


@dataclass(frozen=True)
class Build:
    """What the compiler made of it."""

    abi: list[dict[str, Any]]
    bytecode: str


class NodeProvider(JSONBaseProvider):
    """web3.py over a Node in this process: the embedded chain, without HTTP."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def make_request(self, method: Any, params: Any) -> Any:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": 1}
        try:
            return {**answer, "result": self._node.request(str(method), list(params))}
        except RpcError as error:
            return {**answer, "error": {"code": error.rpc_code, "message": error.detail}}


def compile_rival(name: str = "PlainPoints") -> Build:
    """The rival, with our own contract's compiler and settings. Loops of burns are in one of their own, because a function
    more in a contract makes its others dearer. Raises BadSettings without a compiler."""
    made = _compiled()[name]
    return Build(made["abi"], "0x" + made["evm"]["bytecode"]["object"])


@cache
def _compiled() -> dict[str, Any]:
    import solcx

    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {FILE: {"content": SOURCE}},
            "settings": {**SETTINGS, "outputSelection": {FILE: {"*": ["abi", "evm.bytecode.object"]}}},
        },
        solc_binary=find_solc(repository=REPOSITORY, solc_binary=None),
        base_path=REPOSITORY / "node_modules",
    )
    found: dict[str, Any] = output["contracts"][FILE]
    return found


@dataclass
class Sender:
    """Signs and sends with a nonce counted here. The chain mines at once."""

    web3: Web3
    account: LocalAccount
    nonce: int = 0

    def send(self, call: Any) -> Any:
        """The receipt of a contract's call or constructor. Raises RuntimeError if it was not applied."""
        fields = {"from": self.account.address, "nonce": self.nonce, "gas": GAS_LIMIT, "value": 0}
        fields |= {"maxFeePerGas": FEE_WEI, "maxPriorityFeePerGas": 0, "chainId": self.web3.eth.chain_id}
        signed = self.account.sign_transaction(call.build_transaction(fields))
        self.nonce += 1
        sent = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.001)
        if receipt["status"] != 1:
            raise RuntimeError("a transaction of the bench was not applied")
        return receipt


def deploy(sender: Sender, abi: Sequence[Any], bytecode: str, *arguments: object) -> Contract:
    """The contract, on the chain."""
    receipt = sender.send(sender.web3.eth.contract(abi=abi, bytecode=bytecode).constructor(*arguments))
    return sender.web3.eth.contract(address=receipt["contractAddress"], abi=abi)
