"""A wallet that is given one of our documents signs exactly the digest that the contract checks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.protocol import typed_data, wallet_documents

from . import strategies

ROOT = Path(__file__).parents[2]
CAST = ROOT / "node_modules/.bin/cast"
PAGE = ROOT / "docs/contract.md"
KEY = "0x" + "17" * 32
REDEMPTION = {
    "account": Account.from_key(KEY).address, "amount": 2**53 + 1, "merchant": 7, "reward": "0x" + "ab" * 32,
    "nonce": 2**64 - 1, "deadline": 2**256 - 1,
}  # fmt: skip
CONTRACT = "0x" + "c0" * 20
uint40 = st.integers(0, 2**40 - 1)
chain_ids = st.integers(1, 2**52)


def _signed_by_a_wallet(document: wallet_documents.Document) -> bytes:
    """The hash eth-account signs for the document, after its way through JSON."""
    message = encode_typed_data(full_message=json.loads(json.dumps(document)))
    return keccak(b"\x19" + message.version + message.header + message.body)


@given(chain_ids, *[strategies.addresses] * 3, uint40, strategies.uint64, strategies.uint256)
def test_the_document_to_bind_hashes_to_the_digest_to_bind(
    chain_id: int, contract: str, source: str, target: str, expires_at: int, nonce: int, deadline: int
) -> None:
    values = {
        "from_address": source, "to_address": target, "expires_at": expires_at, "nonce": nonce, "deadline": deadline,
    }  # fmt: skip
    document = wallet_documents.bind_document(chain_id, contract, **values)
    domain = typed_data.domain_separator(chain_id, contract)
    assert _signed_by_a_wallet(document) == typed_data.bind_digest(domain, **values)


@given(chain_ids, *[strategies.addresses] * 3, strategies.uint64, strategies.uint256)
def test_the_document_to_return_hashes_to_the_digest_to_return(
    chain_id: int, contract: str, source: str, target: str, nonce: int, deadline: int
) -> None:
    values = {"from_address": source, "to_address": target, "nonce": nonce, "deadline": deadline}
    document = wallet_documents.return_document(chain_id, contract, **values)
    domain = typed_data.domain_separator(chain_id, contract)
    assert _signed_by_a_wallet(document) == typed_data.return_digest(domain, **values)


@given(
    chain_ids, *[strategies.addresses] * 2, strategies.uint64, strategies.uint24, strategies.hashes, strategies.uint64,
    strategies.uint256,
)  # fmt: skip
def test_the_document_to_redeem_hashes_to_the_digest_to_redeem(
    chain_id: int, contract: str, account: str, amount: int, merchant: int, reward: str, nonce: int, deadline: int
) -> None:
    values = {
        "account": account, "amount": amount, "merchant": merchant, "reward": reward, "nonce": nonce,
        "deadline": deadline,
    }  # fmt: skip
    document = wallet_documents.redeem_document(chain_id, contract, **values)
    domain = typed_data.domain_separator(chain_id, contract)
    assert _signed_by_a_wallet(document) == typed_data.redeem_digest(domain, **values)


def test_cast_signs_the_digest_when_the_document_is_pasted_into_it() -> None:
    document = wallet_documents.redeem_document(31337, CONTRACT, **REDEMPTION)
    command = [str(CAST), "wallet", "sign", "--private-key", KEY, "--data", json.dumps(document)]
    signed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    digest = typed_data.redeem_digest(typed_data.domain_separator(31337, CONTRACT), **REDEMPTION)
    assert Account._recover_hash(digest, signature=signed) == REDEMPTION["account"]


def test_the_page_about_the_contract_shows_the_document_as_it_is() -> None:
    shown = PAGE.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    document = wallet_documents.redeem_document(
        31337, CONTRACT, account="0x" + "a1" * 20, amount=500, merchant=7, reward="0x" + "ab" * 32, nonce=1,
        deadline=1_798_761_600,
    )  # fmt: skip
    assert json.loads(shown) == document


def test_numbers_that_a_browser_would_round_are_text() -> None:
    message = wallet_documents.redeem_document(31337, CONTRACT, **REDEMPTION)["message"]
    assert (message["amount"], message["nonce"]) == ("9007199254740993", "18446744073709551615")


@pytest.mark.parametrize("wrong", [{"amount": 2**64}, {"amount": True}, {"reward": "0xab"}, {"account": "0x1"}])
def test_what_the_contract_could_not_hold_makes_no_document(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        wallet_documents.redeem_document(31337, CONTRACT, **{**REDEMPTION, **wrong})
