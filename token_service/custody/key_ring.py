"""The key files of one deployment: made once by `mereau init`, opened one by one by the process that needs them.

operator.key  settles batches                     signer
operator-0x….key  further operators, a lane each   signer
admin.key     every administrative role           signer
sealing.key   opens members' keys                 signer
sealing.pub   seals members' keys                 web
promise.key   signs promises                      web
salts.key     seals members' salt keys            web, worker
addresses     the public addresses, for everyone

The signer is the worker itself, unless there is a process of its own for it (signer_socket.py).
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coincurve import PrivateKey
from nacl.public import PrivateKey as SealingKey

from token_service.custody import curve, encryption, key_files
from token_service.custody.accounts import MemberBox
from token_service.custody.backends import read_attached
from token_service.custody.policy import SignerPolicy
from token_service.custody.salts import SaltBox
from token_service.custody.signer import LocalSigner, PromiseSigner
from token_service.custody.vault import (
    ACCOUNTS,
    ADDRESSES_FILE,
    Vault,
    further_operator,
    operators_of,
    read_addresses,
)
from token_service.errors import BadSettings

WEB_SECRETS: Final = ("promise.key", "salts.key", "sealing.pub")
"""What a host needs whose signer is elsewhere; none of them signs for the chain."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Where the keys lie and the public halves of those that have an address. Secrets are read when asked for, not kept."""

    directory: Path
    operator_address: str
    admin_address: str
    promise_address: str
    passphrase: bytes | None = field(default=None, repr=False, compare=False)

    def promise_signer(self) -> PromiseSigner:
        return PromiseSigner(self._secret("promise.key"))

    def salt_box(self) -> SaltBox:
        return SaltBox(self._secret("salts.key"))

    def sealing_public(self) -> bytes:
        return self._secret("sealing.pub")

    def vault(self) -> Vault:
        """The keys that sign and open: for the signer only."""
        return Vault(self.directory, self.passphrase)

    def member_box(self) -> MemberBox:
        """Opens members' keys: for the signer only."""
        return self.vault().member_box()

    def operator_addresses(self) -> tuple[str, ...]:
        """Every operator that has a key here, the first one first. Opens no key."""
        return operators_of(read_addresses(self.directory))

    def add_operator(self) -> str:
        """The address of a fresh operator key, written durably before this returns. Raises DiskFull."""
        secret: bytes = PrivateKey().secret
        address = curve.address_of(secret)
        path = self.directory / f"{further_operator(address)}.key"
        key_files.write_once(path, encryption.at_rest(secret, self.passphrase, encryption.fresh_salt()))
        return address

    def signer(self, policy: SignerPolicy) -> LocalSigner:
        """Signs as every operator and as admin in this process, without a record."""
        return LocalSigner(self.vault(), lambda: policy)

    def check(self, *, is_signer_elsewhere: bool = False) -> None:
        """Returns when every key is there, closed to others, and the one of its address. Raises NotInitialised, BadSettings."""
        if is_signer_elsewhere:
            for name in WEB_SECRETS:
                self._secret(name)
            self.vault().check("promise", self.promise_address)
            return
        attached = _require_secrets(self.directory, self.passphrase)
        for name, address in read_addresses(self.directory).items():
            if name not in attached:
                self.vault().check(name, address)
        if self.vault().member_box().public != self.sealing_public():
            raise BadSettings("sealing.pub is not the public half of sealing.key: copy back the newest of both")

    def _secret(self, name: str) -> bytes:
        return key_files.read(self.directory / name, curve.KEY_BYTES, self.passphrase)


def create_keys(directory: Path, passphrase: bytes | None = None) -> KeyRing:
    """The key ring, with every missing key made from the system's randomness. What is there stays as it is.

    Raises DiskFull, BadSettings (a key file is damaged, open to others, or was lost after all had been made).
    """
    key_files.make_directory(directory)
    if (
        directory / ADDRESSES_FILE
    ).exists():  # written last: another key in a lost one's place would not be the programme's
        _require_secrets(directory, passphrase)
    salt = encryption.fresh_salt()

    def draw(name: str, secret: bytes) -> None:
        key_files.write_once(directory / name, encryption.at_rest(secret, passphrase, salt))

    attached = read_attached(directory)
    for account in (name for name in ACCOUNTS if name not in attached):
        draw(f"{account}.key", PrivateKey().secret)
    draw("salts.key", secrets.token_bytes(32))
    draw("sealing.key", bytes(SealingKey.generate()))
    sealing = SealingKey(key_files.read(directory / "sealing.key", 32, passphrase))
    key_files.write_once(directory / "sealing.pub", bytes(sealing.public_key))
    addresses = {
        name: attached[name].address
        if name in attached
        else curve.address_of(key_files.read(directory / f"{name}.key", 32, passphrase))
        for name in ACCOUNTS
    }
    key_files.write_once(directory / ADDRESSES_FILE, json.dumps(addresses, indent=1).encode() + b"\n")
    return open_keys(directory, passphrase)


def open_keys(directory: Path, passphrase: bytes | None = None) -> KeyRing:
    """The key ring that `create_keys` made; reads no secret. Raises NotInitialised, BadSettings."""
    addresses = read_addresses(directory)
    return KeyRing(directory, addresses["operator"], addresses["admin"], addresses["promise"], passphrase)


def _require_secrets(directory: Path, passphrase: bytes | None) -> set[str]:
    """The names whose keys are not files; every other has its file. Raises NotInitialised, BadSettings."""
    attached = set(read_attached(directory))
    for name in (*ACCOUNTS, "salts", "sealing"):
        if name not in attached:
            key_files.read(directory / f"{name}.key", curve.KEY_BYTES, passphrase)
    return attached
