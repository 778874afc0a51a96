"""Keys are made once, kept in files for their owner alone, sealed for those who may not open them, and never shown."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from token_service.custody import curve
from token_service.custody.accounts import MemberBox, new_account
from token_service.custody.key_ring import create_keys, open_keys
from token_service.custody.policy import program_policy
from token_service.errors import BadSettings, InvariantBroken, NotInitialised
from token_service.protocol.hashing import keccak256
from token_service.protocol.transactions import Transaction, contract_address, transaction_hash

ADDRESS = "0x" + "5a" * 20


def test_making_keys_again_changes_nothing(tmp_path: Path) -> None:
    first = create_keys(tmp_path / "keys")
    before = {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    assert create_keys(tmp_path / "keys") == first == open_keys(tmp_path / "keys")
    assert {path.name: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == before
    assert len({first.operator_address, first.admin_address, first.promise_address}) == 3


def test_a_lost_key_is_never_drawn_anew(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys")
    lost = tmp_path / "keys" / "operator.key"
    lost.unlink()
    with pytest.raises(NotInitialised, match=r"operator\.key is missing: copy it back"):
        create_keys(tmp_path / "keys")
    assert not lost.exists()


def test_a_lost_public_half_is_made_again(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys")
    halves = [tmp_path / "keys" / name for name in ("sealing.pub", "addresses.json")]
    before = [half.read_bytes() for half in halves]
    for half in halves:
        half.unlink()
    create_keys(tmp_path / "keys")
    assert [half.read_bytes() for half in halves] == before


def test_another_programmes_key_is_told_from_our_own(tmp_path: Path) -> None:
    ring, other = create_keys(tmp_path / "keys"), create_keys(tmp_path / "other")
    ring.check()
    (tmp_path / "other" / "admin.key").replace(tmp_path / "keys" / "admin.key")
    with pytest.raises(BadSettings, match=r"admin\.key is not the key of 0x"):
        ring.check()
    assert other.admin_address != ring.admin_address


def test_key_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    ring = create_keys(tmp_path / "keys")
    (tmp_path / "keys" / "promise.key").chmod(0o640)
    with pytest.raises(BadSettings, match=r"promise\.key is open to others"):
        ring.promise_signer()


def test_a_damaged_or_missing_key_file_is_named(tmp_path: Path) -> None:
    ring = create_keys(tmp_path / "keys")
    (tmp_path / "keys" / "salts.key").write_bytes(b"short")
    with pytest.raises(BadSettings, match="5 bytes"):
        ring.salt_box()
    (tmp_path / "keys" / "salts.key").unlink()
    with pytest.raises(NotInitialised):
        ring.salt_box()
    with pytest.raises(NotInitialised):
        open_keys(tmp_path / "nowhere")
    (tmp_path / "keys" / "addresses.json").write_text("{")
    with pytest.raises(BadSettings):
        open_keys(tmp_path / "keys")


def test_nothing_that_holds_a_key_shows_it(tmp_path: Path) -> None:
    ring = create_keys(tmp_path / "keys")
    policy = program_policy(chain_id=1, contract=ADDRESS, operators=ring.operator_addresses(), admin=ring.admin_address)
    account = new_account(ring.sealing_public())
    shown = [repr(thing) for thing in (ring, ring.promise_signer(), ring.salt_box(), ring.member_box(), account)]
    shown.append(repr(ring.signer(policy)))
    for path in (tmp_path / "keys").glob("*.key"):
        key = path.read_bytes()
        assert not any(key.hex() in text or repr(key)[2:-1] in text for text in shown)
    assert account.sealed_key.hex() not in shown[4]
    assert repr(account.sealed_key)[2:-1] not in shown[4]


def test_who_makes_an_account_cannot_open_it_and_the_signer_can(tmp_path: Path) -> None:
    ring = create_keys(tmp_path / "keys")
    account = new_account(ring.sealing_public())
    key = ring.member_box().open(account.sealed_key, address=account.address)
    assert Account.from_key(key).address == account.address
    with pytest.raises(InvariantBroken):
        MemberBox(secrets.token_bytes(32)).open(account.sealed_key, address=account.address)
    with pytest.raises(InvariantBroken):
        ring.member_box().open(account.sealed_key, address=new_account(ring.sealing_public()).address)
    with pytest.raises(InvariantBroken):
        ring.member_box().open(account.sealed_key[:-1] + b"\0\0", address=account.address)


def test_a_thousand_accounts_take_about_a_second(tmp_path: Path) -> None:
    seal_public = create_keys(tmp_path / "keys").sealing_public()
    began = time.process_time()
    addresses = {new_account(seal_public).address for _ in range(300)}
    assert len(addresses) == 300
    assert (time.process_time() - began) / 300 < 0.002


def test_salts_open_only_with_their_key_and_unchanged(tmp_path: Path) -> None:
    box = create_keys(tmp_path / "keys").salt_box()
    sealed = box.seal(b"s" * 32)
    assert box.open(sealed) == b"s" * 32
    assert box.seal(b"s" * 32) != sealed
    for wrong in (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", sealed[:10]):
        with pytest.raises(InvariantBroken):
            box.open(wrong)
    with pytest.raises(InvariantBroken):
        create_keys(tmp_path / "others").salt_box().open(sealed)


def test_an_opening_cannot_be_read_once_the_members_salt_key_is_gone(tmp_path: Path) -> None:
    box = create_keys(tmp_path / "keys").salt_box()
    salt_key = box.seal(secrets.token_bytes(32))
    sealed = box.seal_opening(salt_key, "ent_1", b"{}")
    assert sealed is not None
    assert box.open_opening(salt_key, "ent_1", sealed) == b"{}"
    assert box.seal_opening(None, "ent_1", b"{}") is None
    for other_key, other_id in ((box.seal(secrets.token_bytes(32)), "ent_1"), (salt_key, "ent_2")):
        with pytest.raises(InvariantBroken):
            box.open_opening(other_key, other_id, sealed)


quantities = st.integers(0, 2**64 - 1)


@given(
    nonce=quantities,
    tip=quantities,
    fee=quantities,
    gas=quantities,
    value=st.integers(0, 2**96),
    chain_id=st.integers(1, 2**52),
    to=st.none() | st.binary(min_size=20, max_size=20),
    data=st.binary(max_size=300),
)
def test_transactions_are_signed_as_eth_account_does(
    nonce: int, tip: int, fee: int, gas: int, value: int, chain_id: int, to: bytes | None, data: bytes
) -> None:
    key = keccak256(b"a key for this test")
    address = None if to is None else "0x" + to.hex()
    mine = Transaction(chain_id, nonce, tip, fee, gas, address, value, data)
    signature = curve.sign(key, keccak256(mine.payload()))
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    raw = mine.signed(y_parity=signature[64], r=r, s=s)
    fields = {"type": 2, "chainId": chain_id, "nonce": nonce, "gas": gas, "value": value, "data": data}
    fields |= {"maxPriorityFeePerGas": tip, "maxFeePerGas": fee} | ({} if to is None else {"to": to})
    theirs = Account.sign_transaction(fields, key)
    assert raw == theirs.raw_transaction
    assert transaction_hash(raw) == "0x" + bytes(theirs.hash).hex()


def test_contract_addresses_follow_from_sender_and_nonce() -> None:
    """The example of EIP-1014's predecessors: cow's first contract, as in Ethereum's own tests."""
    sender = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
    assert contract_address(sender, 0) == "0xcd234A471b72ba2F1Ccf0A70FCABA648a5eeCD8d"
    assert contract_address(sender, 1) == "0x343c43A37D37dfF08AE8C4A11544c718AbB4fCF8"


def test_a_digest_has_32_bytes() -> None:
    with pytest.raises(ValueError):
        curve.sign(b"\1" * 32, b"short")
