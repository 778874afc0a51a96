"""The sealing key rotates in steps; wherever it is stopped, every member's key opens and the next run ends it."""

from __future__ import annotations

from pathlib import Path

import pytest
from signing_programme import Custody

from token_service.custody import key_files, rotation
from token_service.custody.accounts import MemberBox, SealedAccount, new_account
from token_service.custody.key_ring import KeyRing
from token_service.errors import InvariantBroken, NotInitialised
from token_service.protocol.binds import SealedMember

PASSPHRASE = b"correct horse battery"


class Stopped(Exception):
    """As by kill -9 at this place."""


def opens_all(ring: KeyRing, accounts: list[SealedAccount]) -> None:
    for account in accounts:
        ring.vault().member_box().open(account.sealed_key, address=account.address)


@pytest.mark.parametrize("stop_before", ["write_once", "link", "sync_directory", "replace"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_stop_anywhere_leaves_every_key_openable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_before: str, at: int
) -> None:
    ring = Custody(tmp_path).ring
    keys, accounts, calls = ring.directory, [new_account(ring.sealing_public())], []
    before = (keys / "sealing.key").read_bytes()
    module = rotation.os if stop_before == "link" else key_files
    work = getattr(module, stop_before)

    def stopping(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == at:
            raise Stopped
        return work(*arguments)

    monkeypatch.setattr(module, stop_before, stopping)
    try:
        rotation.draw_sealing_key(keys, None)
    except Stopped:
        pass
    else:
        assert len(calls) < at
    monkeypatch.undo()
    accounts.append(new_account(ring.sealing_public()))
    opens_all(ring, accounts)
    rotation.draw_sealing_key(keys, None)
    accounts.append(new_account(ring.sealing_public()))
    opens_all(ring, accounts)
    assert (keys / "sealing.old").read_bytes() == before != (keys / "sealing.key").read_bytes()
    assert MemberBox((keys / "sealing.key").read_bytes()).public == ring.sealing_public()
    assert not (keys / "sealing.next").exists()


def test_a_second_rotation_waits_for_the_end_of_the_first(tmp_path: Path) -> None:
    ring = Custody(tmp_path).ring
    rotation.draw_sealing_key(ring.directory, None)
    first = ring.sealing_public()
    rotation.draw_sealing_key(ring.directory, None)
    assert ring.sealing_public() == first
    rotation.forget_old_key(ring.directory)
    rotation.draw_sealing_key(ring.directory, None)
    assert ring.sealing_public() != first


def test_a_rotation_does_not_begin_without_the_key_that_it_replaces(tmp_path: Path) -> None:
    ring = Custody(tmp_path).ring
    (ring.directory / "sealing.key").unlink()
    with pytest.raises(NotInitialised):
        rotation.draw_sealing_key(ring.directory, None)
    assert not rotation.is_rotating(ring.directory)


def test_a_new_key_is_encrypted_where_the_others_are(tmp_path: Path) -> None:
    custody = Custody(tmp_path, passphrase=PASSPHRASE)
    rotation.draw_sealing_key(custody.ring.directory, PASSPHRASE)
    for name in ("sealing.key", "sealing.old"):
        content = (custody.ring.directory / name).read_bytes()
        assert len(content) > 32
        assert len(key_files.read(custody.ring.directory / name, 32, PASSPHRASE)) == 32


def test_boxes_are_sealed_anew_for_the_newest_key_and_only_once(tmp_path: Path) -> None:
    custody = Custody(tmp_path)
    account = new_account(custody.ring.sealing_public())
    member = SealedMember(account.address, account.sealed_key)
    rotation.draw_sealing_key(custody.ring.directory, None)
    (fresh,) = custody.signer().reseal([member])
    assert fresh != account.sealed_key
    assert custody.signer().reseal([SealedMember(account.address, fresh)]) == [fresh]
    rotation.forget_old_key(custody.ring.directory)
    custody.ring.vault().member_box().open(fresh, address=account.address)
    with pytest.raises(InvariantBroken):
        custody.ring.vault().member_box().open(account.sealed_key, address=account.address)


def test_sealing_anew_is_written_down_without_names(tmp_path: Path) -> None:
    custody = Custody(tmp_path)
    account = new_account(custody.ring.sealing_public())
    custody.signer().reseal([SealedMember(account.address, account.sealed_key)])
    (record,) = (custody.folder / "signer").glob("*.jsonl")
    (line,) = record.read_text().splitlines()
    assert '"function":"reseal"' in line
    assert account.address not in line
