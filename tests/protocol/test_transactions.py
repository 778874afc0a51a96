"""Transactions by hand are byte for byte those of eth-account, which settlement does not need for it."""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from token_service.custody import curve
from token_service.errors import InvalidInput
from token_service.protocol.hashing import keccak256
from token_service.protocol.transactions import Transaction

KEY = bytes(range(1, 33))
TO = "0x5B38Da6a701c568545dCfcB03FcB875f56beddC4"


def signed(transaction: Transaction) -> bytes:
    signature = curve.sign(KEY, keccak256(transaction.payload()))
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    return transaction.signed(y_parity=signature[64], r=r, s=s)


AMOUNTS = st.integers(0, 2**60)


@given(st.integers(1, 2**53), AMOUNTS, AMOUNTS, st.integers(0, 2**24), st.none() | st.just(TO), st.binary(max_size=300))
def test_a_legacy_transaction_is_eth_accounts(
    chain_id: int, nonce: int, price: int, gas: int, to: str | None, data: bytes
) -> None:
    fields = {"chainId": chain_id, "nonce": nonce, "gasPrice": price, "gas": gas, "value": 0, "data": data}
    theirs = Account.sign_transaction(fields | ({} if to is None else {"to": to}), KEY)
    mine = Transaction(chain_id, nonce, price, price, gas, to, 0, data, is_legacy=True)
    assert signed(mine) == bytes(theirs.raw_transaction)


@given(st.integers(1, 2**53), AMOUNTS, AMOUNTS, AMOUNTS, st.binary(max_size=300))
def test_a_type_2_transaction_is_eth_accounts(chain_id: int, nonce: int, tip: int, base: int, data: bytes) -> None:
    fees = {"maxFeePerGas": base + tip, "maxPriorityFeePerGas": tip}
    fields = {"type": 2, "chainId": chain_id, "nonce": nonce, "gas": 21_000, "value": 0, "to": TO, "data": data, **fees}
    mine = Transaction(chain_id, nonce, tip, base + tip, 21_000, TO, 0, data)
    assert signed(mine) == bytes(Account.sign_transaction(fields, KEY).raw_transaction)


def test_a_legacy_transaction_has_one_price() -> None:
    with pytest.raises(InvalidInput):
        Transaction(1, 0, 1, 2, 21_000, TO, 0, b"", is_legacy=True).payload()
