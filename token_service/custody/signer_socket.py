"""The signer in another process, as its callers see it. What comes back is checked here: a wrong signature is never stored."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from token_service.custody import curve, signer_messages
from token_service.custody.signer import assemble, digest_of
from token_service.errors import SignatureRejected, SignerUnavailable
from token_service.protocol.binds import Bind, SealedMember
from token_service.protocol.transactions import Transaction

SECONDS: Final = 30.0
"""A cloud's KMS may be slow; no transaction of the database waits meanwhile."""


class SocketSigner:
    """One connection a request, so that a signer may be restarted at any moment. Raises SignerUnavailable while it is away."""

    def __init__(self, path: Path, chain_id: int = 0, contract: str | None = None, seconds: float = SECONDS) -> None:
        """`chain_id` and `contract` are what a member's signature must be for; the signer itself knows its own."""
        self._path, self._chain_id, self._contract, self._seconds = path, chain_id, contract, seconds

    def __repr__(self) -> str:
        return f"SocketSigner({self._path})"

    def sign_transaction(self, address: str, transaction: Transaction) -> bytes:
        answer = self._ask(signer_messages.transaction_message(address, transaction))
        return assemble(address, transaction, _bytes(answer, "signature"))

    def sign_bind(self, member: SealedMember, bind: Bind) -> bytes:
        fields = {"member": signer_messages.member_message(member), "bind": asdict(bind)}
        signature = _bytes(self._ask({"do": "sign_bind", **fields}), "signature")
        if self._contract is None:
            raise SignatureRejected("there is no contract yet that a member could leave with")
        digest = digest_of(bind, member.address, self._chain_id, self._contract)
        if curve.signer_of(signature, digest) != member.address:
            raise SignatureRejected("the signer answered with a signature that is not this member's over this bind")
        return signature

    def export_keystore(self, member: SealedMember, passphrase: str) -> str:
        fields = {"member": signer_messages.member_message(member), "passphrase": passphrase}
        return str(_field(self._ask({"do": "export_keystore", **fields}), "keystore"))

    def reseal(self, members: Sequence[SealedMember]) -> list[bytes]:
        asked = {"do": "reseal", "members": [signer_messages.member_message(each) for each in members]}
        return [bytes.fromhex(box) for box in _field(self._ask(asked), "sealed_keys")]

    def counts(self) -> dict[str, int]:
        counts = _field(self._ask({"do": "counts"}), "counts")
        return {str(name): int(count) for name, count in counts.items()}

    def _ask(self, message: signer_messages.Message) -> signer_messages.Message:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(self._seconds)
                connection.connect(str(self._path))
                signer_messages.send(connection, message)
                answer = signer_messages.receive(connection)
        except (OSError, ValueError) as error:
            raise SignerUnavailable(
                f"the signer at {self._path} does not answer: is `mereau signer` running?"
            ) from error
        signer_messages.raise_error(answer)
        return answer


def _field(answer: signer_messages.Message, name: str) -> Any:
    """Raises SignerUnavailable for an answer that lacks it."""
    if name not in answer:
        raise SignerUnavailable("the signer gave an answer to something else")
    return answer[name]


def _bytes(answer: signer_messages.Message, name: str) -> bytes:
    try:
        return bytes.fromhex(answer[name])
    except (KeyError, TypeError, ValueError):
        raise SignatureRejected("the signer's answer has no signature") from None
