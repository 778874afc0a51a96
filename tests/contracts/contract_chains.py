"""Two real chains behind one small face: eth-tester's py-evm, and anvil. The caller chooses each block's time."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_tester import PyEVMBackend

GAS_LIMIT = 16_000_000
GAS_PRICE = 10**10
START = 1_800_000_000
"""Block time at which every test's contract is deployed: well after both chains' own beginnings, and in the middle of a day."""
ANVIL = Path("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")


@dataclass(frozen=True)
class Log:
    """One log: topics and data as bytes."""

    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Sent:
    """What a transaction came to; `output` is the revert data if it failed."""

    is_applied: bool
    gas_used: int
    output: bytes
    logs: tuple[Log, ...]
    contract: bytes | None


class CallReverted(Exception):
    """A call reverted with `data`."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data.hex())
        self.data = data


class Chain(Protocol):
    """What the tests need of a chain."""

    chain_id: int

    def send(self, signer: LocalAccount, to: bytes | None, data: bytes, *, at: int) -> Sent: ...
    def call(self, sender: bytes, to: bytes, data: bytes) -> bytes: ...
    def storage(self, contract: bytes, slot: int) -> int: ...
    def code(self, contract: bytes) -> bytes: ...
    def height(self) -> int: ...
    def snapshot(self) -> Any: ...
    def revert(self, snapshot: Any) -> None: ...


class PyEvm:
    """eth-tester's chain, one block for each transaction, at the second that the caller names."""

    def __init__(self, signers: list[LocalAccount]) -> None:
        state = {signer.address: {"balance": 10**24, "nonce": 0, "code": b"", "storage": {}} for signer in signers}
        genesis = {bytes.fromhex(address[2:]): account for address, account in state.items()}
        parameters = PyEVMBackend.generate_genesis_params({"gas_limit": 2 * GAS_LIMIT})
        self._backend = PyEVMBackend(genesis_parameters=parameters, genesis_state=genesis)
        self.chain_id = int(self._backend.chain.chain_id)

    def send(self, signer: LocalAccount, to: bytes | None, data: bytes, *, at: int) -> Sent:
        nonce = self.nonce(signer.address)
        return self.send_raw(
            _signed(signer, to, data, nonce=nonce, chain_id=self.chain_id), at=at, is_creation=to is None
        )

    def nonce(self, address: str) -> int:
        chain = self._backend.chain
        return int(chain.get_vm(chain.header).state.get_nonce(bytes.fromhex(address[2:])))

    def send_raw(self, raw: bytes, *, at: int, is_creation: bool = False) -> Sent:
        chain = self._backend.chain
        chain.header = chain.header.copy(timestamp=at)
        transaction = chain.get_vm(chain.header).get_transaction_builder().decode(raw)
        _, receipt, computation = chain.apply_transaction(transaction)
        self._backend.mine_blocks(1)
        return Sent(
            is_applied=computation.is_success,
            gas_used=receipt.gas_used,
            output=bytes(computation.output),
            logs=tuple(Log(tuple(topic.to_bytes(32) for topic in log.topics), bytes(log.data)) for log in receipt.logs),
            contract=bytes(computation.msg.storage_address) if is_creation else None,
        )

    def call(self, sender: bytes, to: bytes, data: bytes, *, origin: bytes | None = None) -> bytes:
        chain = self._backend.chain
        head = chain.get_canonical_head()
        vm = chain.get_vm(head)
        computation = vm.execute_bytecode(
            origin=origin or sender,
            gas_price=0,
            gas=GAS_LIMIT,
            to=to,
            sender=sender,
            value=0,
            data=data,
            code=vm.state.get_code(to),
        )
        if computation.is_error:
            raise CallReverted(bytes(computation.output))
        return bytes(computation.output)

    def storage(self, contract: bytes, slot: int) -> int:
        return int(self._state().get_storage(contract, slot))

    def set_storage(self, contract: bytes, slot: int, value: int) -> None:
        """Writes a slot as no transaction could, in a block of its own: for fields at their bounds."""
        chain = self._backend.chain
        state = chain.get_vm(chain.header).state
        state.set_storage(contract, slot, value)
        state.persist()
        chain.header = chain.header.copy(state_root=state.state_root)

    def code(self, contract: bytes) -> bytes:
        return bytes(self._state().get_code(contract))

    def height(self) -> int:
        return int(self._backend.chain.get_canonical_head().block_number)

    def snapshot(self) -> Any:
        return self._backend.take_snapshot()

    def revert(self, snapshot: Any) -> None:
        self._backend.revert_to_snapshot(snapshot)

    def _state(self) -> Any:
        chain = self._backend.chain
        return chain.get_vm(chain.get_canonical_head()).state


class Anvil:
    """An anvil process of our own on a free port."""

    def __init__(
        self, signers: list[LocalAccount], *, port: int, hardfork: str = "prague", options: tuple[str, ...] = ()
    ) -> None:
        command = [str(ANVIL), "--port", str(port), "--hardfork", hardfork, "--silent", "--gas-limit", "32000000"]
        command += ["--accounts", "1", "--code-size-limit", "24576", "--timestamp", str(START - 100_000)]
        self._process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        self._wait()
        self.chain_id = int(self._rpc("eth_chainId"), 16)
        for signer in signers:
            self._rpc("anvil_setBalance", signer.address, hex(10**24))

    def send(self, signer: LocalAccount, to: bytes | None, data: bytes, *, at: int) -> Sent:
        self._rpc("evm_setNextBlockTimestamp", at)
        nonce = int(self._rpc("eth_getTransactionCount", signer.address, "latest"), 16)
        raw = _signed(signer, to, data, nonce=nonce, chain_id=self.chain_id)
        receipt = self._rpc("eth_sendRawTransactionSync", "0x" + raw.hex())
        is_applied = receipt["status"] == "0x1"
        return Sent(
            is_applied=is_applied,
            gas_used=int(receipt["gasUsed"], 16),
            output=b"" if is_applied else self._output(receipt["transactionHash"]),
            logs=tuple(Log(tuple(map(_bytes, log["topics"])), _bytes(log["data"])) for log in receipt["logs"]),
            contract=_bytes(receipt["contractAddress"]) if to is None else None,
        )

    def call(self, sender: bytes, to: bytes, data: bytes) -> bytes:
        head = self._rpc("eth_getBlockByNumber", "latest", False)
        message = {"from": "0x" + sender.hex(), "to": "0x" + to.hex(), "data": "0x" + data.hex()}
        answer = self._post("eth_call", [message, "latest", {}, {"time": head["timestamp"]}])
        if "error" in answer:
            raise CallReverted(_bytes(answer["error"].get("data", "0x")))
        return _bytes(answer["result"])

    def storage(self, contract: bytes, slot: int) -> int:
        return int(self._rpc("eth_getStorageAt", "0x" + contract.hex(), hex(slot), "latest"), 16)

    def code(self, contract: bytes) -> bytes:
        return _bytes(self._rpc("eth_getCode", "0x" + contract.hex(), "latest"))

    def height(self) -> int:
        return int(self._rpc("eth_blockNumber"), 16)

    def snapshot(self) -> Any:
        return self._rpc("evm_snapshot")

    def revert(self, snapshot: Any) -> None:
        assert self._rpc("evm_revert", snapshot)

    def fork_to(self, chain_id: int) -> None:
        """The same state goes on as another chain."""
        self._rpc("anvil_setChainId", chain_id)
        self.chain_id = chain_id

    def close(self) -> None:
        self._session.close()
        self._process.kill()
        self._process.wait()

    def _output(self, transaction_hash: str) -> bytes:
        trace = self._rpc("debug_traceTransaction", transaction_hash, {"tracer": "callTracer"})
        return _bytes(trace.get("output", "0x"))

    def _wait(self) -> None:
        for _ in range(200):
            try:
                self._rpc("eth_chainId")
                return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise TimeoutError("anvil did not start")

    def _rpc(self, method: str, *parameters: object) -> Any:
        answer = self._post(method, list(parameters))
        assert "error" not in answer, answer
        return answer["result"]

    def _post(self, method: str, parameters: list[object]) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        return self._session.post(self._url, json=request, timeout=60).json()


def signer_named(name: str) -> LocalAccount:
    """The same key for the same name, everywhere."""
    from token_service.protocol.hashing import keccak256

    account: LocalAccount = Account.from_key(keccak256(b"a test's key: " + name.encode()))
    return account


def _signed(signer: LocalAccount, to: bytes | None, data: bytes, *, nonce: int, chain_id: int) -> bytes:
    fields = {"nonce": nonce, "gasPrice": GAS_PRICE, "gas": GAS_LIMIT, "value": 0, "data": data, "chainId": chain_id}
    signed = signer.sign_transaction({**fields, "to": to} if to is not None else fields)
    return bytes(signed.raw_transaction)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
