"""What a member's own wallet is given to sign: whole EIP-712 documents, as `eth_signTypedData_v4` takes them.

Their hash is the digest of the same name in `typed_data`. Numbers of a message are decimal strings, since a browser
rounds JSON numbers above 2^53.
"""

from __future__ import annotations

from typing import Any, Final

from token_service.protocol import abi, fields, typed_data
from token_service.protocol.hashing import checksum_address, hash_to_bytes, to_hex

Document = dict[str, Any]
_UINT_BITS: Final = {"uint24": 24, "uint40": 40, "uint64": 64, "uint256": 256}


def bind_document(
    chain_id: int, contract: str, *, from_address: str, to_address: str, expires_at: int, nonce: int, deadline: int
) -> Document:
    """To sign by both addresses when the points go under `to_address`'s own key. Raises InvalidInput, as all here."""
    return _document(chain_id, contract, typed_data.BIND, (from_address, to_address, expires_at, nonce, deadline))


def return_document(
    chain_id: int, contract: str, *, from_address: str, to_address: str, nonce: int, deadline: int
) -> Document:
    """To sign by `from_address` when its points go back into custody at `to_address`."""
    return _document(chain_id, contract, typed_data.RETURN, (from_address, to_address, nonce, deadline))


def redeem_document(
    chain_id: int, contract: str, *, account: str, amount: int, merchant: int, reward: str, nonce: int, deadline: int
) -> Document:
    """To sign by `account` when it spends `amount` points at `merchant` for the quote whose hash is `reward`."""
    values = (account, amount, merchant, reward, nonce, deadline)
    return _document(chain_id, contract, typed_data.REDEEM, values)


def _document(chain_id: int, contract: str, encode_type: str, values: tuple[abi.Value, ...]) -> Document:
    name, members = _members(encode_type)
    fields.uint(chain_id, 256)
    domain_name, domain_members = _members(typed_data.DOMAIN)
    return {
        "types": {domain_name: domain_members, name: members},
        "primaryType": name,
        "domain": {
            "name": typed_data.DOMAIN_NAME,
            "version": typed_data.DOMAIN_VERSION,
            "chainId": chain_id,
            "verifyingContract": checksum_address(contract),
        },
        "message": {
            member["name"]: _shown(member["type"], value) for member, value in zip(members, values, strict=True)
        },
    }


def _members(encode_type: str) -> tuple[str, list[dict[str, str]]]:
    """The struct's name and members, in order, of `Name(type name,…)`."""
    name, _, inside = encode_type.removesuffix(")").partition("(")
    pairs = [part.split() for part in inside.split(",")]
    return name, [{"name": member, "type": kind} for kind, member in pairs]


def _shown(kind: str, value: abi.Value) -> str:
    if kind == "address":
        return checksum_address(str(value))
    if kind == "bytes32":
        return to_hex(hash_to_bytes(str(value)))
    return str(int.from_bytes(fields.uint(value, _UINT_BITS[kind])))  # type: ignore[arg-type]  # refuses all but whole numbers
