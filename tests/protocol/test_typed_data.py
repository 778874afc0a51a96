"""The digests equal eth-account's, which is what wallets compute from the same typed data."""

from __future__ import annotations

from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from token_service.protocol import typed_data

from . import strategies

uint40 = st.integers(0, 2**40 - 1)
chain_ids = st.integers(1, 2**52)


def _expected(chain_id: int, contract: str, name: str, members: str, values: dict[str, object]) -> bytes:
    domain = {"name": "LoyaltyPoints", "version": "1", "chainId": chain_id, "verifyingContract": contract}
    kinds = [{"type": part.split()[0], "name": part.split()[1]} for part in members.split(",")]
    message = encode_typed_data(domain, {name: kinds}, values)
    return keccak(b"\x19" + message.version + message.header + message.body)


@given(chain_ids, *[strategies.addresses] * 3, uint40, strategies.uint64, strategies.uint256)
def test_binding_is_signed_as_wallets_sign_it(
    chain_id: int, contract: str, source: str, target: str, expires_at: int, nonce: int, deadline: int
) -> None:
    members = "address from,address to,uint40 expiresAt,uint64 nonce,uint256 deadline"
    values = {"from": source, "to": target, "expiresAt": expires_at, "nonce": nonce, "deadline": deadline}
    ours = typed_data.bind_digest(
        typed_data.domain_separator(chain_id, contract),
        from_address=source, to_address=target, expires_at=expires_at, nonce=nonce, deadline=deadline,
    )  # fmt: skip
    assert ours == _expected(chain_id, contract, "Bind", members, values)


@given(chain_ids, *[strategies.addresses] * 3, strategies.uint64, strategies.uint256)
def test_returning_is_signed_as_wallets_sign_it(
    chain_id: int, contract: str, source: str, target: str, nonce: int, deadline: int
) -> None:
    members = "address from,address to,uint64 nonce,uint256 deadline"
    values = {"from": source, "to": target, "nonce": nonce, "deadline": deadline}
    domain = typed_data.domain_separator(chain_id, contract)
    ours = typed_data.return_digest(domain, from_address=source, to_address=target, nonce=nonce, deadline=deadline)
    assert ours == _expected(chain_id, contract, "Return", members, values)


@given(
    chain_ids, *[strategies.addresses] * 2, strategies.uint64, strategies.uint24, strategies.hashes, strategies.uint64,
    strategies.uint256,
)  # fmt: skip
def test_redeeming_is_signed_as_wallets_sign_it(
    chain_id: int, contract: str, account: str, amount: int, merchant: int, reward: str, nonce: int, deadline: int
) -> None:
    members = "address account,uint64 amount,uint24 merchant,bytes32 reward,uint64 nonce,uint256 deadline"
    raw_reward = bytes.fromhex(reward[2:])
    values = {
        "account": account, "amount": amount, "merchant": merchant, "reward": raw_reward, "nonce": nonce,
        "deadline": deadline,
    }  # fmt: skip
    ours = typed_data.redeem_digest(
        typed_data.domain_separator(chain_id, contract),
        account=account, amount=amount, merchant=merchant, reward=reward, nonce=nonce, deadline=deadline,
    )  # fmt: skip
    assert ours == _expected(chain_id, contract, "Redeem", members, values)
