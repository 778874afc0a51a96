"""A member who left with their points, spent some by signature, and came back, as the auditor sees it.

The member signs with eth-account what `wallet_documents` gives a wallet, and the contract of a real node accepts it.
"""

from __future__ import annotations

import pytest
from eth_account import Account

from token_service.audit.report import AuditReport
from token_service.audit.run import Options, run_audit
from token_service.protocol import abi, calldata, wallet_documents
from token_service.protocol.hashing import text_hash
from token_service.protocol.words import EntryWord

from .programme import BOB, DAY, MEMBER, MEMBER_KEY, Programme

OWN_KEY, FRESH_KEY = b"\x31" * 32, b"\x32" * 32
OWN, FRESH = (Account.from_key(key).address for key in (OWN_KEY, FRESH_KEY))
NEVER = 2**40
ISSUANCE, REDEMPTION, EXPIRY, REVERSAL = 1, 2, 3, 4


def _signed(key: bytes, document: wallet_documents.Document) -> bytes:
    return bytes(Account.sign_typed_data(key, full_message=document).signature)


def _relay(programme: Programme, name: str, *arguments: abi.Value) -> None:
    """Somebody without a role brings the member's signature."""
    programme.send(BOB, programme.contract, calldata.encode_call(name, *arguments))


def _leave(programme: Programme, expires_at: int) -> None:
    document = wallet_documents.bind_document(
        programme.chain_id, programme.contract,
        from_address=MEMBER, to_address=OWN, expires_at=expires_at, nonce=0, deadline=NEVER,
    )  # fmt: skip
    both = (_signed(MEMBER_KEY, document), _signed(OWN_KEY, document))
    _relay(programme, "bindSelfCustody", MEMBER, OWN, expires_at, NEVER, *both)


def _redeem(programme: Programme, amount: int, nonce: int) -> None:
    reward = text_hash("a quote")
    document = wallet_documents.redeem_document(
        programme.chain_id, programme.contract,
        account=OWN, amount=amount, merchant=2, reward=reward, nonce=nonce, deadline=NEVER,
    )  # fmt: skip
    _relay(programme, "redeemWithSignature", OWN, amount, 2, reward, NEVER, _signed(OWN_KEY, document))


def _return(programme: Programme, nonce: int, *, to: str = FRESH) -> None:
    document = wallet_documents.return_document(
        programme.chain_id, programme.contract, from_address=OWN, to_address=to, nonce=nonce, deadline=NEVER
    )
    _relay(programme, "returnToCustody", OWN, to, NEVER, _signed(OWN_KEY, document))


def _nonce(programme: Programme, account: str) -> int:
    call = {"to": programme.contract, "data": "0x" + calldata.encode_call("nonces", account).hex()}
    return int(programme.rpc("eth_call", call, "latest"), 16)


def _balances(programme: Programme) -> list[int]:
    calls = [
        {"to": programme.contract, "data": "0x" + calldata.encode_call("balanceOf", account).hex()}
        for account in (MEMBER, OWN, FRESH)
    ]
    return [int(programme.rpc("eth_call", call, "latest"), 16) for call in calls]


def _audited(programme: Programme) -> AuditReport:
    options = Options(programme.url, programme.contract.lower(), block="latest", receipts=str(programme.folder))
    report = run_audit(options)
    failures = [str(finding) for check in report.checks for finding in check.findings]
    assert report.exit_code == 0, failures
    return report


@pytest.fixture
def left(programme: Programme) -> Programme:
    """A member with 100 points leaves for an own address; they may expire in ten days."""
    programme.settle(EntryWord(MEMBER, ISSUANCE, 1, 100))
    _leave(programme, programme.now() + 10 * DAY)
    assert _balances(programme) == [0, 100, 0]
    return programme


def test_a_whole_way_out_and_back_is_replayed(left: Programme) -> None:
    _redeem(left, 30, _nonce(left, OWN))
    left.settle(EntryWord(OWN, ISSUANCE, 1, 12))
    left.settle(EntryWord(OWN, REVERSAL, 1, 12), EntryWord(OWN, EXPIRY, 0, 12))
    assert _balances(left) == [0, 82, 0], "no operator takes anything before the date"
    left.wait(11 * DAY)
    left.settle(EntryWord(OWN, EXPIRY, 0, 20))
    _return(left, _nonce(left, OWN))
    left.settle(EntryWord(FRESH, REDEMPTION, 2, 2), EntryWord(FRESH, REVERSAL, 1, 12))
    assert _balances(left) == [0, 0, 48]
    report = _audited(left)
    assert report.counts["skipped"] == 2
    assert report.totals["redeemed_by_signature"] == 30


def test_an_address_that_was_left_holds_points_again_only_in_custody(left: Programme) -> None:
    left.settle(EntryWord(MEMBER, ISSUANCE, 1, 5))
    left.settle(EntryWord(MEMBER, REVERSAL, 1, 5))
    assert _balances(left) == [0, 100, 0]
    assert _audited(left).counts["skipped"] == 0


def test_what_is_given_back_in_place_is_in_custody_again(left: Programme) -> None:
    _return(left, _nonce(left, OWN), to=OWN)
    left.settle(EntryWord(OWN, REDEMPTION, 2, 40))
    assert _balances(left) == [0, 60, 0]
    assert _audited(left).counts["skipped"] == 0
