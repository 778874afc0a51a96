"""The signer's socket: one request and one answer a connection, each a 4-byte big-endian length and that much JSON.

docs/custody.md describes every message. Bytes travel as hex.
"""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import asdict
from typing import Any, Final

from token_service.custody.signer import LocalSigner
from token_service.errors import (
    DiskFull,
    InvalidInput,
    InvariantBroken,
    MereauError,
    PolicyRefused,
    SignatureRejected,
    SignerLimitReached,
    SignerUnavailable,
)
from token_service.protocol.binds import Bind, SealedMember
from token_service.protocol.transactions import Transaction

MESSAGE_BYTES_MAX: Final = 2**20
ERRORS: Final[dict[str, type[MereauError]]] = {
    kind.code: kind
    for kind in (PolicyRefused, SignerLimitReached, SignatureRejected, InvariantBroken, InvalidInput, DiskFull)
}
"""Errors that mean the same on both sides; any other reaches the caller as SignerUnavailable."""
_LENGTH: Final = struct.Struct(">I")
Message = dict[str, Any]
Asked = tuple[str, Transaction] | tuple[SealedMember, Bind] | tuple[SealedMember, str] | list[SealedMember] | None


def send(connection: socket.socket, message: Message) -> None:
    content = json.dumps(message, separators=(",", ":")).encode()
    if len(content) > MESSAGE_BYTES_MAX:
        raise ValueError("the message is too long")
    connection.sendall(_LENGTH.pack(len(content)) + content)


def receive(connection: socket.socket) -> Message:
    """Raises ValueError for what is no message, OSError."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > MESSAGE_BYTES_MAX:
        raise ValueError("the message is too long")
    message = json.loads(_exactly(connection, length))
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ValueError("the message is cut off")
        parts += part
    return bytes(parts)


def transaction_message(address: str, transaction: Transaction) -> Message:
    fields = {**asdict(transaction), "data": transaction.data.hex()}
    return {"do": "sign_transaction", "address": address, "transaction": fields}


def member_message(member: SealedMember) -> Message:
    return {"address": member.address, "sealed_key": member.sealed_key.hex()}


def answer(signer: LocalSigner, message: Message) -> Message:
    """The signer's answer; a request that cannot be read is an answer, too. Raises what the signer raises."""
    try:
        asked = _read(message)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidInput("the signer does not understand the request") from None
    match asked:
        case (str(address), Transaction() as transaction):
            return {"signature": signer.signature(address, transaction).hex()}
        case (SealedMember() as member, Bind() as bind):
            return {"signature": signer.sign_bind(member, bind).hex()}
        case (SealedMember() as member, str(passphrase)):
            return {"keystore": signer.export_keystore(member, passphrase)}
        case list():
            return {"sealed_keys": [box.hex() for box in signer.reseal(asked)]}
    return {"counts": signer.counts()}


def _read(message: Message) -> Asked:
    do = message["do"]
    if do == "sign_transaction":
        return str(message["address"]), _transaction(message["transaction"])
    if do == "sign_bind":
        bind = message["bind"]
        numbers = {name: _number(bind[name]) for name in ("expires_at", "nonce", "deadline")}
        return _member(message["member"]), Bind(str(bind["to_address"]), **numbers)
    if do == "export_keystore":
        return _member(message["member"]), str(message["passphrase"])
    if do == "reseal":
        return [_member(each) for each in message["members"]]
    if do == "counts":
        return None
    raise ValueError(do)


def _transaction(fields: Message) -> Transaction:
    names = ("chain_id", "nonce", "max_priority_fee_per_gas", "max_fee_per_gas", "gas", "value")
    to = None if fields["to"] is None else str(fields["to"])
    numbers: dict[str, Any] = {name: _number(fields[name]) for name in names}
    return Transaction(**numbers, to=to, data=bytes.fromhex(fields["data"]), is_legacy=fields["is_legacy"] is True)


def _member(fields: Message) -> SealedMember:
    return SealedMember(str(fields["address"]), bytes.fromhex(fields["sealed_key"]))


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a number")
    return value


def error_message(error: MereauError) -> Message:
    return {"error": error.code, "detail": error.detail}


def raise_error(message: Message) -> None:
    """Raises what the answer says went wrong, nothing if it went well."""
    if "error" in message:
        kind = ERRORS.get(str(message["error"]), SignerUnavailable)
        raise kind(str(message.get("detail", "the signer failed")))
