"""The signer signs what its policy and its limits allow, writes down each time, and forgets nothing when it starts again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from signing_programme import CHAIN_ID, CONTRACT, MEMBER, Custody, pause, settle, transaction

from token_service.custody import curve
from token_service.custody.accounts import new_account
from token_service.custody.signer import assemble
from token_service.custody.signing_record import Limits
from token_service.errors import (
    BadSettings,
    InvalidInput,
    InvariantBroken,
    PolicyRefused,
    SignatureRejected,
    SignerLimitReached,
    SignerUnavailable,
)
from token_service.protocol import typed_data
from token_service.protocol.binds import Bind, SealedMember
from token_service.protocol.hashing import keccak256
from token_service.units import EntryKind

PASSPHRASE = "correct horse battery"


@pytest.fixture
def custody(tmp_path: Path) -> Custody:
    return Custody(tmp_path)


def limited(folder: Path, **limits: int) -> Custody:
    return Custody(folder, Limits(**limits))


def member_of(custody: Custody) -> SealedMember:
    account = new_account(custody.ring.sealing_public())
    return SealedMember(account.address, account.sealed_key)


def test_what_it_signs_is_the_operators_transaction(custody: Custody) -> None:
    raw = custody.signer().sign_transaction(custody.ring.operator_address, settle(1, 100))
    assert Account.recover_transaction(raw) == custody.ring.operator_address


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (replace(settle(1, 1), chain_id=CHAIN_ID + 1), "another chain"),
        (replace(settle(1, 1), to=MEMBER), "another contract"),
        (replace(settle(1, 1), value=1), "send value"),
        (replace(settle(1, 1), max_fee_per_gas=10**15), "fee is above"),
        (replace(settle(1, 1), gas=20_000_000), "gas limit is above"),
        (replace(settle(1, 1), to=None), "only the published contract"),
        (pause(), "may not call this function"),
        (transaction(settle(1, 1).data[:40]), "settle call is malformed"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_the_policy_refuses_the_operator_what_is_not_settling(custody: Custody, wrong, says: str) -> None:  # type: ignore[no-untyped-def]
    signer = custody.signer()
    with pytest.raises(PolicyRefused, match=says):
        signer.sign_transaction(custody.ring.operator_address, wrong)
    assert signer.counts() == {"signed": 0, "refused": 0, "denied": 1}


def test_a_key_that_the_programme_does_not_have_signs_nothing(custody: Custody) -> None:
    for address in (MEMBER, custody.ring.promise_address):
        with pytest.raises(PolicyRefused):
            custody.signer().sign_transaction(address, settle(1, 1))


def test_the_admin_does_not_settle_and_the_operator_does_not_administer(custody: Custody) -> None:
    signer = custody.signer()
    assert signer.sign_transaction(custody.ring.admin_address, pause())
    with pytest.raises(PolicyRefused):
        signer.sign_transaction(custody.ring.admin_address, settle(1, 1))


def test_a_further_operator_settles_as_soon_as_its_key_is_there(custody: Custody) -> None:
    signer = custody.signer()
    address = custody.ring.add_operator()
    assert Account.recover_transaction(signer.sign_transaction(address, settle(1, 5))) == address


def test_a_key_file_of_another_name_signs_nothing(custody: Custody) -> None:
    first, second = custody.ring.add_operator(), custody.ring.add_operator()
    keys = custody.ring.directory
    (keys / f"operator-{first}.key").replace(keys / f"operator-{second}.key")
    with pytest.raises(BadSettings, match=f"is not the key of {second}"):
        custody.signer().sign_transaction(second, settle(1, 5))


def test_a_key_that_was_lost_is_waited_for_and_costs_nothing_meanwhile(custody: Custody) -> None:
    path = custody.ring.directory / "operator.key"
    path.rename(custody.folder / "safe")
    signer = custody.signer()
    with pytest.raises(SignerUnavailable, match=r"operator\.key is missing: copy it back"):
        signer.sign_transaction(custody.ring.operator_address, settle(1, 5))
    assert custody.lines() == []
    (custody.folder / "safe").rename(path)
    assert signer.sign_transaction(custody.ring.operator_address, settle(1, 5))


def test_the_days_points_end_for_one_operator_and_not_for_the_other(tmp_path: Path) -> None:
    custody = limited(tmp_path, points_per_day=1000)
    signer, first, second = custody.signer(), custody.ring.operator_address, custody.ring.add_operator()
    signer.sign_transaction(first, settle(1, 600))
    with pytest.raises(SignerLimitReached, match="points per day"):
        signer.sign_transaction(first, settle(2, 401))
    signer.sign_transaction(first, settle(2, 400))
    signer.sign_transaction(second, settle(1, 1000))
    assert custody.record().credited_today(first) == custody.record().credited_today(second) == 1000
    assert signer.counts() == {"signed": 3, "refused": 1, "denied": 0}


def test_a_restart_does_not_give_the_days_points_back_and_the_next_day_does(tmp_path: Path) -> None:
    custody = limited(tmp_path, points_per_day=1000)
    operator = custody.ring.operator_address
    custody.signer().sign_transaction(operator, settle(1, 1000))
    with pytest.raises(SignerLimitReached):
        custody.signer().sign_transaction(operator, settle(2, 1))
    custody.clock.next_day()
    custody.signer().sign_transaction(operator, settle(2, 1000))


def test_a_batch_signed_again_at_another_fee_counts_once(tmp_path: Path) -> None:
    custody = limited(tmp_path, points_per_day=1000)
    operator = custody.ring.operator_address
    for fee in (10, 12, 15):
        custody.signer().sign_transaction(operator, settle(1, 900, fee=fee, nonce=fee))
    assert custody.record().credited_today(operator) == 900
    custody.clock.next_day()
    custody.signer().sign_transaction(operator, settle(1, 900, fee=18))
    assert custody.record().credited_today(operator) == 0


def test_another_batch_under_the_same_number_counts_as_the_larger_one(tmp_path: Path) -> None:
    custody = limited(tmp_path, points_per_day=1000)
    operator = custody.ring.operator_address
    custody.signer().sign_transaction(operator, settle(1, 1))
    custody.signer().sign_transaction(operator, settle(1, 800))
    assert custody.record().credited_today(operator) == 800
    with pytest.raises(SignerLimitReached):
        custody.signer().sign_transaction(operator, settle(1, 1001))


def test_debits_cost_no_points_of_the_day(tmp_path: Path) -> None:
    custody = limited(tmp_path, points_per_day=10)
    custody.signer().sign_transaction(custody.ring.operator_address, settle(1, 5000, kind=EntryKind.REDEMPTION))
    assert custody.record().credited_today(custody.ring.operator_address) == 0


def test_a_key_signs_so_often_a_minute_and_goes_on_in_the_next(tmp_path: Path) -> None:
    custody = limited(tmp_path, per_minute=3)
    operator, signer = custody.ring.operator_address, custody.signer()
    for seq in (1, 2, 3):
        signer.sign_transaction(operator, settle(seq, 1))
    with pytest.raises(SignerLimitReached, match="per minute"):
        signer.sign_transaction(operator, settle(4, 1))
    for _ in range(60):
        next(custody.clock.seconds)
    signer.sign_transaction(operator, settle(4, 1))


def test_every_request_is_a_line_that_names_no_secret(custody: Custody) -> None:
    signer, operator = custody.signer(), custody.ring.operator_address
    signer.sign_transaction(operator, settle(7, 120, nonce=3))
    with pytest.raises(PolicyRefused):
        signer.sign_transaction(operator, pause())
    signer.export_keystore(member_of(custody), PASSPHRASE)
    rows = [json.loads(line) for line in custody.lines()]
    assert [(row["function"], row["seq"], row["points"], row["verdict"]) for row in rows] == [
        ("settle", 7, 120, "signed"),
        ("pause", None, 0, "denied"),
        ("export", None, 0, "signed"),
    ]
    assert rows[0]["address"] == operator
    assert rows[0]["at"] == "2026-03-01T12:00:00+00:00"
    text = "\n".join(custody.lines())
    assert PASSPHRASE not in text
    assert not any(path.read_bytes().hex() in text for path in custody.ring.directory.glob("*.key"))


def test_a_line_torn_by_a_crash_is_left_behind(tmp_path: Path) -> None:
    custody = limited(tmp_path, points_per_day=1000)
    operator = custody.ring.operator_address
    custody.signer().sign_transaction(operator, settle(1, 500))
    (file,) = (tmp_path / "signer").iterdir()
    with file.open("a") as torn:
        torn.write('{"at":"2026-03-01T12:00:00+00:00","address":"' + operator)
    custody.signer().sign_transaction(operator, settle(2, 500))
    assert custody.record().credited_today(operator) == 1000
    assert len(custody.lines()) == 3


def test_two_signers_on_one_folder_share_the_days_points(tmp_path: Path) -> None:
    custody = limited(tmp_path, points_per_day=1000)
    one, other, operator = custody.signer(), custody.signer(), custody.ring.operator_address
    one.sign_transaction(operator, settle(1, 600))
    with pytest.raises(SignerLimitReached):
        other.sign_transaction(operator, settle(2, 600))
    other.sign_transaction(operator, settle(2, 400))
    with pytest.raises(SignerLimitReached):
        one.sign_transaction(operator, settle(3, 1))


def test_a_signature_of_another_key_or_of_other_fields_is_thrown_away(custody: Custody) -> None:
    operator, asked = custody.ring.operator_address, settle(1, 10)
    good = custody.signer().signature(operator, asked)
    assert Account.recover_transaction(assemble(operator, asked, good)) == operator
    other_fields = custody.signer().signature(operator, settle(1, 11))
    another_key = custody.signer().signature(custody.ring.add_operator(), asked)
    high_s = good[:32] + (curve.ORDER - int.from_bytes(good[32:64])).to_bytes(32) + bytes([1 - good[64]])
    for wrong in (other_fields, another_key, high_s, good[:-1], b"", b"\0" * 65, good[:64] + b"\x07"):
        with pytest.raises(SignatureRejected):
            assemble(operator, asked, wrong)


def test_a_members_key_signs_its_bind_inside_the_signer(custody: Custody) -> None:
    member, bind = member_of(custody), Bind(MEMBER, expires_at=0, nonce=4, deadline=2_000_000_000)
    signature = custody.signer().sign_bind(member, bind)
    digest = typed_data.bind_digest(
        typed_data.domain_separator(CHAIN_ID, CONTRACT),
        from_address=member.address,
        to_address=MEMBER,
        expires_at=0,
        nonce=4,
        deadline=2_000_000_000,
    )
    assert curve.signer_of(signature, digest) == member.address
    with pytest.raises(InvariantBroken, match="another address"):
        custody.signer().sign_bind(SealedMember(member_of(custody).address, member.sealed_key), bind)


def test_an_exported_key_opens_with_the_members_passphrase_in_any_wallet(custody: Custody) -> None:
    member = member_of(custody)
    keystore = custody.signer().export_keystore(member, PASSPHRASE)
    assert Account.from_key(Account.decrypt(keystore, PASSPHRASE)).address == member.address
    with pytest.raises(InvalidInput, match="fewer than 12"):
        custody.signer().export_keystore(member, "short")


def test_only_so_many_members_keys_are_opened_in_a_day(tmp_path: Path) -> None:
    custody = limited(tmp_path, member_keys_per_day=2)
    bind = Bind(MEMBER, 0, 0, 2_000_000_000)
    first, second, third = (member_of(custody) for _ in range(3))
    for member in (first, second, first):
        custody.signer().sign_bind(member, bind)
    with pytest.raises(SignerLimitReached, match="members' keys per day"):
        custody.signer().sign_bind(third, bind)
    custody.clock.next_day()
    custody.signer().sign_bind(third, bind)


def test_made_up_members_use_nothing_of_the_day_up(tmp_path: Path) -> None:
    custody = limited(tmp_path, member_keys_per_day=1)
    bind = Bind(MEMBER, 0, 0, 2_000_000_000)
    for number in range(3):
        with pytest.raises(InvariantBroken):
            custody.signer().sign_bind(SealedMember(MEMBER, b"made up %d" % number * 10), bind)
    custody.signer().sign_bind(member_of(custody), bind)
    assert custody.signer().counts() == {"signed": 1, "refused": 0, "denied": 3}


def test_a_key_that_does_not_answer_is_written_down_behind_what_was_admitted(
    custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def sign(self, payload: bytes) -> bytes:
            raise SignerUnavailable("the cloud is away")

    signer = custody.signer()
    monkeypatch.setattr(signer, "_key", lambda address: Away())
    with pytest.raises(SignerUnavailable):
        signer.signature(custody.ring.operator_address, settle(1, 10))
    (record,) = (custody.folder / "signer").glob("*.jsonl")
    verdicts = [json.loads(line)["verdict"] for line in record.read_text().splitlines()]
    assert verdicts == ["signed", "failed"]


def test_recovery_bits_are_found_for_signatures_that_come_without() -> None:
    key, digest = keccak256(b"a key for this test"), keccak256(b"a message")
    address, signature = curve.address_of(key), curve.sign(key, digest)
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    assert curve.from_numbers(r, s, digest, address) == signature
    assert curve.from_numbers(r, curve.ORDER - s, digest, address) == signature
    assert curve.from_numbers(r, s, digest, MEMBER) is None
    assert curve.from_numbers(0, s, digest, address) is None
