"""What a call would do, without doing it: `eth_call` and `eth_estimateGas` on the embedded chain.

The caller needs no funds and pays nothing; block number and time are those of the block named (chain time is the
head's timestamp, DESIGN §5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI, StateAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import InsufficientFunds, InvalidInstruction, OutOfGas, Revert, WriteProtection
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_utils.exceptions import ValidationError

from token_service.chain.embedded.view import ChainView

FUNDS_OF_A_CALLER_WEI: Final = 10**36
FLOOR_GAS_PER_TOKEN: Final = 10
TOKENS_PER_BYTE: Final = 4
TRANSACTION_GAS: Final = 21_000
"""EIP-7623: a transaction pays at least 21,000 and 10 gas for each token of calldata (a zero byte is 1, another 4)."""
ESTIMATE_TOLERANCE_GAS: Final = 1_000

_FAILURES: Final[dict[type[Exception], str]] = {
    OutOfGas: "out of gas",
    InvalidInstruction: "invalid opcode",
    InsufficientFunds: "insufficient funds for transfer",
    WriteProtection: "write protection",
}


@dataclass(frozen=True)
class Call:
    """A message to simulate; `to` None creates a contract."""

    sender: bytes
    to: bytes | None
    data: bytes
    value: int
    gas: int


@dataclass(frozen=True)
class CallResult:
    """What it gave: the output, or the revert's data when `is_reverted`; `failure` names any other end.

    `gas_needed` is what must be at hand, refunds not yet counted: the least gas limit for a contract that passes none on.
    """

    output: bytes
    gas_needed: int
    is_reverted: bool = False
    failure: str | None = None

    @property
    def is_success(self) -> bool:
        return not self.is_reverted and self.failure is None


def simulate(view: ChainView, header: BlockHeaderAPI, call: Call) -> CallResult:
    """The result of the call on the state after `header`, which is left as it was."""
    return _run(_free_state(view, header), call)


def estimate(view: ChainView, header: BlockHeaderAPI, call: Call) -> CallResult:
    """The result with `call.gas`; when that succeeds, `gas_needed` is a gas limit that succeeds too.

    It is exact for contracts that pass no gas on, and within 1,000 of the least otherwise.
    """
    state = _free_state(view, header)
    full = _run(state, call)
    need = max(full.gas_needed, floor_gas(call.data))
    if not full.is_success or need >= call.gas:
        return full
    low, high = need, call.gas
    if _run(state, replace(call, gas=need)).is_success:
        return replace(full, gas_needed=need)
    while high - low > ESTIMATE_TOLERANCE_GAS:
        middle = (low + high) // 2
        if _run(state, replace(call, gas=middle)).is_success:
            high = middle
        else:
            low = middle
    return replace(full, gas_needed=high)


def floor_gas(data: bytes) -> int:
    """The least gas limit that a transaction with this calldata may have (EIP-7623)."""
    zeros = data.count(0)
    return TRANSACTION_GAS + FLOOR_GAS_PER_TOKEN * (zeros + TOKENS_PER_BYTE * (len(data) - zeros))


def _free_state(view: ChainView, header: BlockHeaderAPI) -> StateAPI:
    machine = view.chain.get_vm(header)
    return machine.build_state(
        view.store, header.copy(base_fee_per_gas=0), machine.chain_context, machine.previous_hashes
    )


def _run(state: StateAPI, call: Call) -> CallResult:
    before = state.snapshot()
    try:
        state.set_balance(call.sender, max(state.get_balance(call.sender), FUNDS_OF_A_CALLER_WEI))
        return _result(state.apply_transaction(_transaction(state, call)), call)
    except ValidationError as error:
        return CallResult(b"", call.gas, failure=str(error))
    except RecursionError:
        return CallResult(b"", call.gas, failure="contract calls are nested too deeply")
    finally:
        state.revert(before)


def _transaction(state: StateAPI, call: Call) -> SignedTransactionAPI:
    unsigned = PragueVM.create_unsigned_transaction(
        nonce=state.get_nonce(call.sender),
        gas_price=0,
        gas=call.gas,
        to=CREATE_CONTRACT_ADDRESS if call.to is None else call.to,
        value=call.value,
        data=call.data,
    )
    return SpoofTransaction(unsigned, from_=call.sender)


def _result(computation: ComputationAPI, call: Call) -> CallResult:
    needed = call.gas - computation.get_gas_remaining()
    if computation.is_success:
        return CallResult(computation.output, needed)
    if isinstance(computation.error, Revert):
        return CallResult(computation.output, needed, is_reverted=True)
    return CallResult(b"", needed, failure=_FAILURES.get(type(computation.error), "execution failed"))
