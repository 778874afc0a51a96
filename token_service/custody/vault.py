"""The keys that sign for the programme, by address: each is opened when it is first asked for, and stays in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from token_service.custody import curve, key_files
from token_service.custody.accounts import MemberBox
from token_service.custody.backends import FileKey, KeyBackend, open_backend, read_attached
from token_service.errors import BadSettings, NotInitialised, PolicyRefused

ACCOUNTS: Final = ("operator", "admin", "promise")
"""The keys that a programme begins with."""
ADDRESSES_FILE: Final = "addresses.json"
SEALING_FILE: Final = "sealing.key"
OLD_SEALING_FILE: Final = "sealing.old"


class Vault:
    """The key folder of whoever signs."""

    def __init__(self, directory: Path, passphrase: bytes | None = None) -> None:
        self.directory = directory
        self._passphrase = passphrase
        self._open: dict[str, KeyBackend] = {}

    def __repr__(self) -> str:
        return f"Vault({self.directory})"

    def key(self, address: str) -> KeyBackend:
        """The key of this address. Raises PolicyRefused when it is not one that signs transactions here."""
        if address not in self._open:
            names = [name for name, each in read_addresses(self.directory).items() if each == address]
            name = next((name for name in names if name != "promise"), None)
            if name is None:
                raise PolicyRefused("the signer has no key of this address", address=address)
            self._open[address] = self._opened(name, address)
        return self._open[address]

    def member_box(self) -> MemberBox:
        """Opens members' keys, also those that are still sealed for the key before the newest."""
        old = self.directory / OLD_SEALING_FILE
        keys = [self._secret(self.directory / SEALING_FILE)]
        return MemberBox(*keys, *([self._secret(old)] if old.exists() else []))

    def check(self, name: str, address: str) -> None:
        """Returns when the key's file holds the key of this address. Raises NotInitialised, BadSettings."""
        if curve.address_of(self._secret(self.directory / f"{name}.key")) != address:
            raise BadSettings(f"the key file {name}.key is not the key of {address}: copy back the one that is")

    def _opened(self, name: str, address: str) -> KeyBackend:
        attached = read_attached(self.directory).get(name)
        if attached is not None:
            return open_backend(attached.key)
        self.check(name, address)
        return FileKey(self._secret(self.directory / f"{name}.key"))

    def _secret(self, path: Path) -> bytes:
        return key_files.read(path, curve.KEY_BYTES, self._passphrase)


def further_operator(address: str) -> str:
    """The name of a key that settles in a further lane."""
    return f"operator-{address}"


def operators_of(addresses: dict[str, str]) -> tuple[str, ...]:
    """The operators among them, the first one first."""
    return tuple(address for name, address in addresses.items() if name.startswith("operator"))


def read_addresses(directory: Path) -> dict[str, str]:
    """The public addresses by name, the first three first, then the further operators whose keys are here. Opens no key.

    Raises NotInitialised, BadSettings.
    """
    try:
        found = json.loads((directory / ADDRESSES_FILE).read_bytes())
        addresses = {name: str(found[name]) for name in ACCOUNTS}
    except FileNotFoundError as error:
        raise NotInitialised("there are no keys here: run `mereau init`") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSettings(f"{ADDRESSES_FILE} in the key folder cannot be read") from error
    prefix = further_operator("")
    files = {path.stem for path in directory.glob(f"{prefix}0x*.key")}
    further = sorted(files | {name for name in read_attached(directory) if name.startswith(prefix)})
    return addresses | {name: name.removeprefix(prefix) for name in further}
