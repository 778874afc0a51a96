"""`mereau signer` and `mereau keys`: the process that signs, and the care of its keys. No command shows a secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from token_service.cli.output import as_json, number, print_json

if TYPE_CHECKING:
    from token_service.config import Settings


@click.command()
def signer() -> None:
    """Sign for workers elsewhere, at the Unix socket MEREAU_SIGNER_SOCKET, until stopped.

    Needs only the key folder: no database, no node. Tell it first what it signs for: mereau keys pin.
    """
    import signal
    import threading

    from token_service.app.logs import configure_logs
    from token_service.app.signing import signer_server
    from token_service.cli.systemd import tell_ready
    from token_service.config import load_settings

    settings = load_settings()
    configure_logs(settings.log_level)
    server = signer_server(settings)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    thread = threading.Thread(target=server.serve_forever, name="signer", daemon=True)
    thread.start()
    click.echo(f"signer listens at {settings.signer_socket}", err=True)
    tell_ready()
    stop.wait()
    server.shutdown()
    server.server_close()
    Path(str(settings.signer_socket)).unlink(missing_ok=True)
    click.echo("signer stopped cleanly", err=True)


@click.group()
def keys() -> None:
    """The key folder: draw, look, encrypt, attach, rotate."""


def _place() -> tuple[Settings, Path]:
    from token_service.config import load_settings

    settings = load_settings()
    return settings, settings.data_dir / "keys"


@keys.command()
def create() -> None:
    """Draw the keys on a signer's host that has nothing else. `mereau init` does this by itself.

    Copy sealing.pub, promise.key, salts.key and addresses.json to the hosts that serve and settle.
    """
    from token_service.custody.key_ring import create_keys

    settings, directory = _place()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ring = create_keys(directory, settings.passphrase)
    click.echo(f"operator {ring.operator_address} and admin {ring.admin_address}; keys are in {directory}")


@keys.command("list")
@as_json
def list_(json_: bool) -> None:
    """List the keys: address, where each lies, whether its file is encrypted."""
    from token_service.custody.inventory import inventory

    rows = inventory(_place()[1])
    if json_:
        print_json({"keys": rows})
        return
    for row in rows:
        click.echo(f"{row.name:9.9}  {row.address or '–':42}  {row.state:9}  {row.key}")


@keys.command()
def check() -> None:
    """Open every key that should be here and compare it with its address; ask the signer and the backends, too."""
    from token_service.custody.backends import open_backend, read_attached
    from token_service.custody.key_ring import open_keys
    from token_service.custody.signer_socket import SocketSigner
    from token_service.errors import BadSettings

    settings, directory = _place()
    socket = settings.signer_socket
    is_elsewhere = socket is not None and not (directory / "sealing.key").exists()
    open_keys(directory, settings.passphrase).check(is_signer_elsewhere=is_elsewhere)
    for name, attached in ({} if is_elsewhere else read_attached(directory)).items():
        if open_backend(attached.key).address() != attached.address:
            raise BadSettings(f"the backend of {name} holds another key than {attached.address}")
    if socket is not None and is_elsewhere:
        SocketSigner(socket).counts()
    click.echo("every key is there and the one of its address")


@keys.command()
def encrypt() -> None:
    """Encrypt the key files in place with MEREAU_KEYS_PASSPHRASE. May be stopped and run again."""
    from token_service.custody.rotation import encrypt_files

    _convert(encrypt_files, "encrypted")


@keys.command()
def decrypt() -> None:
    """Turn encrypted key files into plain ones, to encrypt them with another passphrase."""
    from token_service.custody.rotation import decrypt_files

    _convert(decrypt_files, "plain")


def _convert(convert, word: str) -> None:  # type: ignore[no-untyped-def]
    from token_service.errors import BadSettings

    settings, directory = _place()
    if settings.passphrase is None:
        raise BadSettings("set MEREAU_KEYS_PASSPHRASE or MEREAU_KEYS_PASSPHRASE_FILE first")
    done = convert(directory, settings.passphrase)
    click.echo(f"{word} now: {', '.join(done)}" if done else f"every key file was {word} already")


@keys.command()
@click.argument("key", metavar="aws-kms:ARN|web3signer:URL#IDENTIFIER")
@click.option("--as", "name", type=click.Choice(["operator", "admin"]), default="operator", show_default=True)
def attach(key: str, name: str) -> None:
    """Let a key that is no file sign; best before `mereau init`. An operator's that comes later gets a lane of its own."""
    from token_service.custody import backends, key_files
    from token_service.custody.vault import ADDRESSES_FILE, further_operator, read_addresses
    from token_service.errors import BadSettings

    settings, directory = _place()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_files.make_directory(directory)
    address = backends.open_backend(key).address()
    if (directory / ADDRESSES_FILE).exists() and read_addresses(directory)[name] != address:
        if name == "admin":
            raise BadSettings(
                "the admin of this programme has another address: hand the role on first (docs/custody.md)"
            )
        name = further_operator(address)
    backends.attach(directory, name, backends.Attached(address, key))
    click.echo(f"{name} signs with {address}")


@keys.command()
@click.option("--chain-id", type=click.IntRange(min=1), help="The chain's number. Default: what the ledger here says.")
@click.option("--contract", metavar="ADDRESS", help="The programme's contract; not before it is deployed.")
def pin(chain_id: int | None, contract: str | None) -> None:
    """Tell the signer process which chain and contract it signs for. What is told stays."""
    from token_service.custody.pin import pin as pin_policy
    from token_service.protocol.hashing import address_from_bytes, address_to_bytes

    _, directory = _place()
    if chain_id is None:
        from token_service.app import open_application

        with open_application() as application:
            program = application.program()
        chain_id, contract = program.chain_id, program.contract
    if contract is not None:
        contract = address_from_bytes(address_to_bytes(contract))
    pin_policy(directory, chain_id, contract)
    click.echo(f"the signer signs on chain {chain_id} for {contract or 'the contract that is still to be deployed'}")


@keys.command("add-operator")
def add_operator() -> None:
    """Draw a further operator's key here, on the signer's host; then, where the ledger is: mereau operators add --address."""
    from token_service.custody.key_ring import open_keys

    settings, directory = _place()
    click.echo(open_keys(directory, settings.passphrase).add_operator())


@keys.command("rotate-sealing")
@click.option("--draw-only", is_flag=True, help="On a signer's host without the ledger: only make the new key.")
def rotate_sealing(draw_only: bool) -> None:
    """Make a new sealing key and seal every member's key anew, while the service runs. May be stopped and run again.

    Where the signer is elsewhere: first --draw-only there, copy sealing.pub to every host that serves, then this.
    """
    from token_service.app import open_application
    from token_service.app.sealing import reseal_members
    from token_service.custody import rotation

    settings, directory = _place()
    if draw_only or rotation.has_sealing_key(directory):
        rotation.draw_sealing_key(directory, settings.passphrase)
        click.echo("new members are sealed with the new key; sealing.pub is its public half")
    if draw_only:
        return
    with open_application(settings) as application:
        total = 0
        while changed := reseal_members(application, _told):  # until a whole pass finds nothing
            total += changed
    click.echo(f"{number(total)} keys sealed anew; every member's key opens with the new one")


@keys.command("forget-sealing")
@click.option("--no-ledger", is_flag=True, help="The ledger is elsewhere, and rotate-sealing ended there.")
def forget_sealing(no_ledger: bool) -> None:
    """Delete the sealing key before the newest, once no member's key is sealed with it any more."""
    from token_service.app import open_application
    from token_service.app.sealing import reseal_members
    from token_service.custody import rotation
    from token_service.errors import BadSettings

    settings, directory = _place()
    if not no_ledger:
        with open_application(settings) as application:
            if reseal_members(application):
                raise BadSettings("some members' keys were still sealed with the old key: run this again in a minute")
    rotation.forget_old_key(directory)
    click.echo("the old sealing key is deleted: older copies of the ledger need the copy of it that you kept")


def _told(seen: int, changed: int) -> None:
    click.echo(f"{number(seen)} members seen, {number(changed)} sealed anew", err=True)
