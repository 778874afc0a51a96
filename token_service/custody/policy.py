"""What the signer signs, whoever asks: this chain, this contract, the known functions, no value, bounded fees (DESIGN §7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from token_service.errors import PolicyRefused
from token_service.protocol import interface
from token_service.protocol.transactions import Transaction

FEE_WEI_MAX: Final = 500 * 10**9
"""Default ceiling of `max_fee_per_gas`: 500 gwei."""
GAS_MAX: Final = 16_777_216
"""Largest gas limit of one transaction (EIP-7825)."""

OPERATOR_FUNCTIONS: Final = ("settle",)
ADMIN_FUNCTIONS: Final = (
    "grantRole",
    "revokeRole",
    "registerParty",
    "setCeiling",
    "setDebitLimit",
    "publishRuleset",
    "publishAddendum",
    "pause",
    "unpause",
    "setFrozen",
    "announceSunset",
    "bindSelfCustody",
    "returnToCustody",
    "redeemWithSignature",
)


@dataclass(frozen=True, slots=True)
class SignerPolicy:
    """Checked before every signature of a transaction.

    `functions` are the 4-byte selectors that each address may call. `creation_code` is the only code that may be deployed, its
    constructor's arguments apart; None when nothing may be. `contract` is None until there is one.
    """

    chain_id: int
    contract: str | None
    functions: dict[str, frozenset[bytes]]
    creation_code: bytes | None = None
    max_fee_per_gas: int = FEE_WEI_MAX
    max_gas: int = GAS_MAX

    def check(self, address: str, transaction: Transaction) -> None:
        """Raises PolicyRefused, naming what is not allowed, never the content."""
        if transaction.chain_id != self.chain_id:
            raise PolicyRefused("the transaction is for another chain", chain_id=transaction.chain_id)
        if transaction.value != 0:
            raise PolicyRefused("the transaction would send value")
        if transaction.max_fee_per_gas > self.max_fee_per_gas:
            raise PolicyRefused("the fee is above the ceiling", ceiling=self.max_fee_per_gas)
        if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
            raise PolicyRefused("the tip is above the fee")
        if transaction.gas > self.max_gas:
            raise PolicyRefused("the gas limit is above the ceiling", ceiling=self.max_gas)
        if transaction.to is None:
            self._check_creation(transaction.data)
        else:
            self._check_call(address, transaction.to, transaction.data)

    def _check_creation(self, data: bytes) -> None:
        if self.creation_code is None or not data.startswith(self.creation_code):
            raise PolicyRefused("only the published contract may be created")

    def _check_call(self, address: str, to: str, data: bytes) -> None:
        if self.contract is None or to.lower() != self.contract.lower():
            raise PolicyRefused("the transaction calls another contract")
        if data[:4] not in self.functions.get(address, frozenset()):
            raise PolicyRefused("this key may not call this function")


def program_policy(
    *,
    chain_id: int,
    contract: str | None,
    operators: Iterable[str],
    admin: str,
    creation_code: bytes | None = None,
    max_fee_per_gas: int = FEE_WEI_MAX,
) -> SignerPolicy:
    """The policy of a deployment: operators settle, the admin key administers. One key may be both."""
    functions: dict[str, frozenset[bytes]] = {}
    for address, names in (*((operator, OPERATOR_FUNCTIONS) for operator in operators), (admin, ADMIN_FUNCTIONS)):
        allowed = frozenset(interface.functions()[name].selector for name in names)
        functions[address] = functions.get(address, frozenset()) | allowed
    return SignerPolicy(chain_id, contract, functions, creation_code, max_fee_per_gas)
