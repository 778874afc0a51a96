"""Makes a deployment: folder, keys, tables, the programme with its first ruleset, the chain and its contract. Idempotent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from token_service import worker
from token_service.app.application import Application, assemble
from token_service.app.logs import configure_logs
from token_service.chain import reads
from token_service.chain.deployment import Terms, deploy
from token_service.chain.embedded import EmbeddedChain, chain_id_from
from token_service.chain.node import HttpNode, Node
from token_service.chain.published_contract import Deployment
from token_service.config import Settings
from token_service.custody.key_ring import KeyRing, create_keys, open_keys
from token_service.custody.pin import pin
from token_service.errors import BadSettings, DiskFull, InvalidInput, NotInitialised, OperatorError
from token_service.ledger.inputs import NewProgram
from token_service.ledger.program_setup import create_program
from token_service.migrations import upgrade_store
from token_service.program.ruleset import (
    canonical_json,
    check_ruleset,
    default_ruleset_text,
    parse_ruleset,
    ruleset_hash,
)
from token_service.units import Wei

SETTLE_TIMEOUT_SECONDS: Final = 120
FUNDS: Final = Wei(10**27)
"""What the embedded chain's genesis gives the operator and the admin: gas for ever, worth nothing."""
SYMBOL: Final = "PTS"
RULESET_SIZE_MAX: Final = 1_000_000


@dataclass(frozen=True)
class Founding:
    """What the founder decides for good: the first rules, and the notice that the contract enforces."""

    ruleset_text: str
    notice_seconds: int = 0
    sunset_notice_seconds: int = 90 * 86_400
    admin_delay_seconds: int = 86_400
    debit_limit_points: int = 1_000_000_000
    """What the operator may debit custodial members of in a day."""


def read_ruleset(path: Path | None) -> str:
    """The file's text, or the default ruleset's. Raises InvalidInput when it cannot be read."""
    if path is None:
        return default_ruleset_text()
    try:
        if path.stat().st_size > RULESET_SIZE_MAX:
            raise InvalidInput(f"{path} is larger than a ruleset can be ({RULESET_SIZE_MAX} bytes)")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None


def initialise(settings: Settings, founding: Founding) -> Deployment | None:
    """Everything up to a deployed contract on the embedded chain; elsewhere everything but the deployment (`mereau deploy`).

    What is there already stays as it is. Raises InvalidInput (with places) for a ruleset that does not pass its check,
    before anything is made; ChainOwned while a `serve` runs here; DiskFull, BadSettings.
    """
    document = _checked_document(founding.ruleset_text)
    configure_logs(settings.log_level)
    _make_folder(settings.data_dir)
    _refuse_lost_keys(settings.data_dir)
    with assemble(settings, _keys(settings)) as application:
        _make_folder(settings.data_dir / "receipts")  # before the first batch, so that a backup finds it
        if settings.embedded:
            with application.chain_lock():
                upgrade_store(application.store)
                _refuse_a_lost_chain(application)
                chain_id = _create_chain(application)
                _found(application, founding, document, chain_id)
            return deploy_contract(application, founding)
        _found(application, founding, document, _chain_id_of_all(settings))
        return None


def _chain_id_of_all(settings: Settings) -> int:
    """The chain that every endpoint serves. Raises WrongChain where they differ, NodeUnreachable."""
    node = HttpNode(settings.rpc_urls)
    try:
        chain_id = reads.chain_id(node)
        node.refuse_strangers()
        return chain_id
    finally:
        node.close()


def deploy_contract(application: Application, founding: Founding) -> Deployment:
    """The contract with its roles, its first party and the first ruleset, settled.

    Raises ChainOwned, WrongContract, NodeUnreachable.
    """
    program = application.program()
    terms = Terms(
        name=program.name,
        symbol=SYMBOL,
        notice_period_seconds=program.notice_period_seconds,
        sunset_notice_seconds=founding.sunset_notice_seconds,
        admin_delay_seconds=founding.admin_delay_seconds,
        debit_limit_points=founding.debit_limit_points,
    )
    with application.chain_lock(), application.node() as node:
        services = application.chain_services(node)
        _check_funds(application, node)
        deployment = deploy(services, terms)
        ready = worker.WorkerServices(chain=services.at_contract(deployment.address))
        worker.settle_until_idle(ready, SETTLE_TIMEOUT_SECONDS)
    if application.settings.signer_socket is None:  # a signer elsewhere is told there: `mereau keys pin`
        pin(application.keys.directory, deployment.chain_id, deployment.address)
    return deployment


def _keys(settings: Settings) -> KeyRing:
    """The keys, drawn now unless a signer elsewhere has them: then the public ones and the web's must be here already."""
    directory = settings.data_dir / "keys"
    if settings.signer_socket is None:
        return create_keys(directory, settings.passphrase)
    ring = open_keys(directory, settings.passphrase)
    ring.check(is_signer_elsewhere=True)
    return ring


def _check_funds(application: Application, node: Node) -> None:
    """Raises OperatorError naming the accounts that cannot pay for any gas."""
    accounts = {"operator": application.keys.operator_address, "admin": application.keys.admin_address}
    poor = [f"the {name} {address}" for name, address in accounts.items() if reads.balance(node, address) == 0]
    if poor:
        raise OperatorError(f"no money for gas: fund {' and '.join(poor)}, then run `mereau deploy` again")


def _checked_document(text: str) -> str:
    ruleset = parse_ruleset(text)
    places = check_ruleset(ruleset)
    if places:
        raise InvalidInput("The ruleset does not pass its check", places=tuple(places))
    document = canonical_json(ruleset)
    ruleset_hash(document)
    return document


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        kind = DiskFull if error.errno == 28 else BadSettings
        raise kind(f"The data folder {path} cannot be made: {error.strerror}") from None


def _refuse_lost_keys(data_dir: Path) -> None:
    """Raises NotInitialised when the folder had a programme and its keys are gone: new keys would not be that programme's."""
    made_before = any((data_dir / name).exists() for name in ("ledger.db", "chain.db", "receipts"))
    if made_before and not (data_dir / "keys").is_dir():
        raise NotInitialised(f"{data_dir / 'keys'} is missing: copy it back from where you keep the keys")


def _refuse_a_lost_chain(application: Application) -> None:
    """Raises ChainMissing when the ledger has a programme and its chain is gone: a new chain would not be that programme's."""
    try:
        application.program()
    except NotInitialised:
        return
    application.check_chain_file()


def _create_chain(application: Application) -> int:
    clock = application.context.now
    funded = {
        bytes.fromhex(address.removeprefix("0x")): FUNDS
        for address in (application.keys.operator_address, application.keys.admin_address)
    }
    chain = EmbeddedChain.create(
        application.chain_path,
        chain_id=chain_id_from(os.urandom(16)),
        funded=funded,
        clock=lambda: int(clock().timestamp()),
    )
    try:
        return chain.chain_id
    finally:
        chain.close()


def _found(application: Application, founding: Founding, document: str, chain_id: int) -> None:
    upgrade_store(application.store)
    create_program(
        application.context,
        NewProgram(
            chain_id=chain_id,
            promise_address=application.keys.promise_address,
            embedded=application.settings.embedded,
            notice_period_seconds=founding.notice_seconds,
            ruleset_document=document,
        ),
    )
