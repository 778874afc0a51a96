"""Who signs: this process with its key folder, or the signer behind the socket; and the signer process itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from token_service.app.clock import open_clock
from token_service.config import Settings
from token_service.custody.pin import read_pin
from token_service.custody.policy import SignerPolicy, program_policy
from token_service.custody.signer import LocalSigner, Signer
from token_service.custody.signer_server import SignerServer
from token_service.custody.signer_socket import SocketSigner
from token_service.custody.signing_record import Limits, SigningRecord
from token_service.custody.vault import Vault, operators_of, read_addresses
from token_service.errors import BadSettings, NotInitialised, PolicyRefused
from token_service.ledger.context import Context
from token_service.ledger.program_setup import get_program
from token_service.protocol.contract_build import contract_build

RECORD_FOLDER: Final = "signer"

log = structlog.get_logger("signer")


def signer_maker(settings: Settings, vault: Vault, context: Context) -> Callable[[str | None], Signer]:
    """The signer for a contract's address (None before there is one)."""
    if settings.signer_socket is not None:
        socket = settings.signer_socket
        return lambda contract: SocketSigner(socket, get_program(context).chain_id, contract)
    made: dict[str | None, LocalSigner] = {}

    def make(contract: str | None) -> Signer:
        if contract not in made:
            record = _record(settings, context.now)
            chain_id = get_program(context).chain_id
            made[contract] = LocalSigner(vault, lambda: _policy(settings, vault, chain_id, contract), record)
        return made[contract]

    return make


def signer_server(settings: Settings) -> SignerServer:
    """The signer process: keys, policy and record from its own folder, nothing from a database.

    Raises BadSettings, NotInitialised.
    """
    if settings.signer_socket is None:
        raise BadSettings("MEREAU_SIGNER_SOCKET says where the signer listens: set it")
    directory = settings.data_dir / "keys"
    if not directory.is_dir():
        raise NotInitialised(f"there are no keys in {directory}: `mereau keys create` draws them")
    vault = Vault(directory, settings.passphrase)
    read_addresses(directory)
    try:
        vault.member_box()  # says at once when the passphrase is wrong
    except NotInitialised as missing:  # settling goes on without it
        log.warning("key_missing", detail=missing.detail)
    signer = LocalSigner(vault, lambda: _pinned_policy(settings, vault), _record(settings, open_clock(settings.clock)))
    return SignerServer(settings.signer_socket, signer, settings.signer_peer_ids)


def _pinned_policy(settings: Settings, vault: Vault) -> SignerPolicy:
    pinned = read_pin(vault.directory)
    if pinned is None:
        raise PolicyRefused("the signer was not told its chain: run `mereau keys pin` beside it")
    return _policy(settings, vault, *pinned)


def _policy(settings: Settings, vault: Vault, chain_id: int, contract: str | None) -> SignerPolicy:
    addresses = read_addresses(vault.directory)
    return program_policy(
        chain_id=chain_id,
        contract=contract,
        operators=operators_of(addresses),
        admin=addresses["admin"],
        creation_code=contract_build().bytecode if contract is None else None,
        max_fee_per_gas=settings.max_fee_wei,
    )


def _record(settings: Settings, now: Callable[[], datetime]) -> SigningRecord:
    limits = Limits(settings.signer_points_per_day, settings.signer_per_minute, settings.signer_member_keys_per_day)
    return SigningRecord(settings.data_dir / RECORD_FOLDER, limits, now, time.monotonic)
