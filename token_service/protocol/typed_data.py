"""What members sign (EIP-712): binding to their own key, the way back, and spending by signature.

The signature covers chain and contract through the domain, and the account's nonce, so it is good once.
"""

from __future__ import annotations

from typing import Final

from token_service.protocol import abi, fields
from token_service.protocol.hashing import keccak256

DOMAIN_NAME: Final = "LoyaltyPoints"
DOMAIN_VERSION: Final = "1"
DOMAIN: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
BIND: Final = "Bind(address from,address to,uint40 expiresAt,uint64 nonce,uint256 deadline)"
RETURN: Final = "Return(address from,address to,uint64 nonce,uint256 deadline)"
REDEEM: Final = "Redeem(address account,uint64 amount,uint24 merchant,bytes32 reward,uint64 nonce,uint256 deadline)"


def domain_separator(chain_id: int, contract: str) -> bytes:
    """The 32 bytes that bind a signature to this contract on this chain. Raises InvalidInput, as all functions here."""
    name, version = keccak256(DOMAIN_NAME.encode()), keccak256(DOMAIN_VERSION.encode())
    return keccak256(
        keccak256(DOMAIN.encode()) + name + version + fields.uint(chain_id, 256) + abi.encode(["address"], [contract])
    )


def bind_digest(
    domain: bytes, *, from_address: str, to_address: str, expires_at: int, nonce: int, deadline: int
) -> bytes:
    """What `from_address` and `to_address` sign to bind the points to `to_address`'s own key.

    `expires_at` 0 = never; `nonce` that of `from_address`; times in seconds since 1970.
    """
    return _digest(domain, BIND, (from_address, to_address, expires_at, nonce, deadline))


def return_digest(domain: bytes, *, from_address: str, to_address: str, nonce: int, deadline: int) -> bytes:
    """What `from_address` signs to give its points back into custody at `to_address`."""
    return _digest(domain, RETURN, (from_address, to_address, nonce, deadline))


def redeem_digest(
    domain: bytes, *, account: str, amount: int, merchant: int, reward: str, nonce: int, deadline: int
) -> bytes:
    """What `account` signs to spend `amount` points at the party `merchant`; `reward` is the hash of the quote."""
    return _digest(domain, REDEEM, (account, amount, merchant, reward, nonce, deadline))


def _digest(domain: bytes, encode_type: str, values: tuple[abi.Value, ...]) -> bytes:
    kinds = [part.split()[0] for part in encode_type[encode_type.index("(") + 1 : -1].split(",")]
    struct = keccak256(keccak256(encode_type.encode()) + abi.encode(kinds, values))
    return keccak256(b"\x19\x01" + domain + struct)
