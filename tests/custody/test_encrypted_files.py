"""Key files under a passphrase: they open with it alone, in place, and a crash between two files does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from signing_programme import Custody, settle

from token_service.custody import encryption, key_files
from token_service.custody.inventory import inventory
from token_service.custody.key_ring import create_keys, open_keys
from token_service.custody.rotation import decrypt_files, encrypt_files, secret_files
from token_service.errors import BadSettings

PASSPHRASE = b"correct horse battery"
KEYS = ("admin", "operator", "promise", "salts", "sealing")


def contents(keys: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in secret_files(keys)}


def test_encrypting_changes_the_files_and_not_the_keys(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    create_keys(keys).add_operator()
    plain = contents(keys)
    assert len(plain) == len(KEYS) + 1
    assert encrypt_files(keys, PASSPHRASE) == sorted(plain)
    for name, content in contents(keys).items():
        assert encryption.is_encrypted(content)
        assert plain[name] not in content
        assert key_files.read(keys / name, 32, PASSPHRASE) == plain[name]
        assert (keys / name).stat().st_mode & 0o777 == 0o600
    open_keys(keys, PASSPHRASE).check()
    assert encrypt_files(keys, PASSPHRASE) == []
    assert decrypt_files(keys, PASSPHRASE) == sorted(plain)
    assert contents(keys) == plain


def test_without_the_passphrase_or_with_another_nothing_opens(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys", PASSPHRASE)
    with pytest.raises(BadSettings, match="MEREAU_KEYS_PASSPHRASE"):
        open_keys(tmp_path / "keys").check()
    with pytest.raises(BadSettings, match="passphrase is wrong"):
        open_keys(tmp_path / "keys", b"another passphrase").check()
    with pytest.raises(BadSettings, match="passphrase is wrong"):
        encrypt_files(tmp_path / "keys", b"another passphrase")


def test_keys_are_drawn_encrypted_and_sign(tmp_path: Path) -> None:
    custody = Custody(tmp_path, passphrase=PASSPHRASE)
    custody.ring.add_operator()
    assert all(encryption.is_encrypted(content) for content in contents(tmp_path / "keys").values())
    for operator in custody.ring.operator_addresses():
        assert custody.signer().sign_transaction(operator, settle(1, 10))


def test_a_stop_between_two_files_leaves_every_key_openable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = tmp_path / "keys"
    create_keys(keys)
    plain = contents(keys)
    write, written = key_files.replace, []

    def stop_at_the_third(path: Path, content: bytes) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        write(path, content)
        written.append(path)

    monkeypatch.setattr(key_files, "replace", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        encrypt_files(keys, PASSPHRASE)
    monkeypatch.undo()
    open_keys(keys, PASSPHRASE).check()
    assert len(encrypt_files(keys, PASSPHRASE)) == len(plain) - 2
    assert {name: key_files.read(keys / name, 32, PASSPHRASE) for name in plain} == plain


def test_a_damaged_file_is_named_as_such(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys", PASSPHRASE)
    path = tmp_path / "keys" / "operator.key"
    whole = path.read_bytes()
    costs = len(encryption.MAGIC)
    huge = whole[:costs] + b"\xff" * 8 + whole[costs + 8 :]
    for damaged in (whole[:-1], whole[:30], huge, whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(BadSettings, match="damaged"):
            key_files.read(path, 32, PASSPHRASE)


def test_the_list_tells_what_lies_where_and_no_secret(tmp_path: Path) -> None:
    ring = create_keys(tmp_path / "keys")
    further = ring.add_operator()
    key_files.replace(
        tmp_path / "keys" / "admin.key",
        encryption.encrypt((tmp_path / "keys" / "admin.key").read_bytes(), PASSPHRASE, encryption.fresh_salt()),
    )
    (tmp_path / "keys" / "salts.key").rename(tmp_path / "salts.key")
    rows = {row.name: row for row in inventory(tmp_path / "keys")}
    assert (rows["operator"].address, rows["operator"].state) == (ring.operator_address, "plain")
    assert (rows["admin"].address, rows["admin"].state) == (ring.admin_address, "encrypted")
    assert rows[f"operator-{further}"].address == further
    assert "salts" not in rows
    (tmp_path / "keys" / "operator.key").unlink()
    assert {row.state for row in inventory(tmp_path / "keys") if row.name == "operator"} == {"elsewhere"}
    shown = repr(rows)
    assert not any(path.read_bytes().hex() in shown for path in (tmp_path / "keys").glob("*.key"))


def test_what_a_killed_write_left_in_plain_does_not_outlive_encryption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    create_keys(keys)
    plain = (keys / "operator.key").read_bytes()

    class Killed(BaseException):
        """As kill -9: nothing is tidied up."""

    def killed(path: Path, target: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            key_files.replace(keys / "operator.key", plain)
    (left,) = keys.glob(".operator.key.*")
    left.rename(keys / ".operator.key.1")  # by another process: this one's would be written over
    assert sum(path.read_bytes() == plain for path in keys.iterdir()) == 2, "a copy was left beside it"
    encrypt_files(keys, PASSPHRASE)
    assert not any(plain in path.read_bytes() for path in keys.iterdir())
    open_keys(keys, PASSPHRASE).check()
