"""One member's receipt or promise against the chain."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from token_service.audit.report import Status
from token_service.audit.verify import Verdict, read_proof, verify_receipt
from token_service.audit.verify_promise import verify_promise
from token_service.errors import InvalidInput
from token_service.protocol import receipts
from token_service.protocol.promises import SignedPromise
from token_service.protocol.receipts import Opening, Receipt
from token_service.protocol.words import EntryWord

from .programme import ALICE, BOB, CHARLIE, DAY, PROMISE_KEY, Programme, address_of

SIGNER = address_of(PROMISE_KEY)


def check(programme: Programme, receipt: Receipt, **more: Any) -> Verdict:
    return verify_receipt(receipt, rpc_url=programme.url, block="latest", **more)


def check_promise(programme: Programme, signed: SignedPromise, **more: Any) -> Verdict:
    return verify_promise(signed, rpc_url=programme.url, **{"now": programme.now(), "signer": SIGNER, **more})


def failed(verdict: Verdict) -> set[str]:
    return {line.name for line in verdict.lines if line.status is Status.FAILED}


@pytest.mark.parametrize(
    ("seq", "index", "outcome"), [(1, 0, "applied"), (1, 4, "applied"), (2, 2, "applied"), (3, 0, "skipped")]
)
def test_a_true_receipt_is_proved(settled: Programme, seq: int, index: int, outcome: str) -> None:
    verdict = check(settled, settled.receipt(seq, index, outcome), contract=settled.contract)
    assert verdict.exit_code == 0, verdict.lines


def test_a_receipt_that_calls_a_skipped_entry_applied_is_not(settled: Programme) -> None:
    verdict = check(settled, settled.receipt(3, 0, "applied"))
    assert failed(verdict) == {"outcome"}
    assert "the balance was short" in verdict.lines[-1].detail


def test_a_changed_amount_does_not_lead_to_the_root(settled: Programme) -> None:
    receipt = settled.receipt(1, 0)
    changed = dataclasses.replace(receipt, leaf=dataclasses.replace(receipt.leaf, amount=501))
    assert failed(check(settled, changed)) == {"proof", "entry"}


def test_a_receipt_with_a_root_of_its_own_is_not_on_the_chain(settled: Programme) -> None:
    leaf = dataclasses.replace(settled.receipt(1, 0).leaf, amount=501)
    own = receipts.make_receipt(receipts.receipts_tree([leaf]), leaf, position=0, outcome="applied")
    assert failed(check(settled, own)) == {"root", "entry"}


def test_another_opening_is_named(settled: Programme) -> None:
    receipt = settled.receipt(1, 0)
    assert receipt.opening is not None
    other = dataclasses.replace(receipt, opening=Opening(receipt.opening.salt, '{"v":1}'))
    assert failed(check(settled, other)) == {"opening"}


def test_a_batch_that_never_was_is_named(settled: Programme) -> None:
    receipt = settled.receipt(1, 0)
    leaf = dataclasses.replace(receipt.leaf, seq=9)
    assert "batch" in failed(check(settled, dataclasses.replace(receipt, leaf=leaf)))


def test_another_contract_than_expected_is_named(settled: Programme) -> None:
    assert failed(check(settled, settled.receipt(1, 0), contract=BOB)) == {"address"}


def test_another_chain_is_named(settled: Programme) -> None:
    receipt = settled.receipt(1, 0)
    leaf = dataclasses.replace(receipt.leaf, chain_id=5)
    assert "chain" in failed(check(settled, dataclasses.replace(receipt, leaf=leaf)))


# --- Promises --------------------------------------------------------------------------------------------------------


def test_a_kept_promise_is_proved(settled: Programme) -> None:
    signed = settled.promise(settled.batches[0].leaves[0].leaf)
    verdict = check_promise(settled, signed, receipts=str(settled.folder))
    assert verdict.exit_code == 0, verdict.lines


def test_a_promised_fact_is_found_by_its_receipt(settled: Programme) -> None:
    signed = settled.promise(settled.batches[0].leaves[3].leaf)
    assert check_promise(settled, signed, receipts=str(settled.folder)).exit_code == 0
    assert check_promise(settled, signed, now=signed.promise.settle_by + 1).exit_code == 2


def test_an_unsettled_promise_is_shown_as_broken_once_it_is_due(settled: Programme) -> None:
    leaf = dataclasses.replace(settled.batches[0].leaves[0].leaf, account=CHARLIE)
    signed = settled.promise(leaf)
    assert check_promise(settled, signed).exit_code == 2
    late = check_promise(settled, signed, now=signed.promise.settle_by + 1)
    assert failed(late) == {"kept"}
    assert "broken" in late.lines[-1].detail


def test_the_chains_own_time_breaks_a_promise_too(settled: Programme) -> None:
    signed = settled.promise(dataclasses.replace(settled.batches[0].leaves[0].leaf, amount=499))
    settled.wait(11 * DAY)
    settled.settle(EntryWord(BOB, 1, 1, 1))
    assert failed(check_promise(settled, signed, now=0)) == {"kept"}


def test_another_entry_of_the_same_amount_does_not_keep_a_promise(settled: Programme) -> None:
    leaf = dataclasses.replace(settled.batches[0].leaves[0].leaf, commitment="0x" + "dd" * 32)
    signed = settled.promise(leaf)
    late = signed.promise.settle_by + 1
    assert check_promise(settled, signed, now=late).exit_code == 2
    assert failed(check_promise(settled, signed, now=late, receipts=str(settled.folder))) == {"kept"}


def test_the_promised_commitment_over_fewer_points_does_not_keep_a_promise(settled: Programme) -> None:
    """The leaf with the promise's commitment gives 5 points; the 70 beside it are another purchase's."""
    settled.settle(EntryWord(ALICE, 1, 1, 5), EntryWord(ALICE, 1, 1, 70))
    signed = settled.promise(dataclasses.replace(settled.batches[-1].leaves[0].leaf, amount=70))
    late = check_promise(settled, signed, now=signed.promise.settle_by + 1, receipts=str(settled.folder))
    assert failed(late) == {"kept"}


def test_a_skipped_entry_does_not_keep_a_promise(settled: Programme) -> None:
    signed = settled.promise(settled.batches[2].leaves[0].leaf)
    late = check_promise(settled, signed, now=signed.promise.settle_by + 1, receipts=str(settled.folder))
    assert failed(late) == {"kept"}


def test_a_promise_that_was_kept_late_is_broken(settled: Programme) -> None:
    signed = settled.promise(settled.batches[0].leaves[0].leaf, settle_by=1_700_000_000)
    verdict = check_promise(settled, signed, receipts=str(settled.folder))
    assert failed(verdict) == {"kept"}


def test_unreadable_receipts_leave_a_promise_undecided(settled: Programme, tmp_path: Any) -> None:
    signed = settled.promise(settled.batches[0].leaves[0].leaf)
    late = check_promise(settled, signed, now=signed.promise.settle_by + 1, receipts=str(tmp_path / "none"))
    assert late.exit_code == 2


def test_a_promise_of_another_signer_is_named(settled: Programme) -> None:
    signed = settled.promise(settled.batches[0].leaves[0].leaf)
    assert "signature" in failed(check_promise(settled, signed, signer=ALICE, receipts=str(settled.folder)))


def test_a_signature_that_is_compared_with_no_key_is_not_checked(settled: Programme) -> None:
    signed = settled.promise(settled.batches[0].leaves[0].leaf)
    verdict = check_promise(settled, signed, signer=None, receipts=str(settled.folder))
    assert verdict.exit_code == 2
    assert [line.name for line in verdict.lines if line.status is Status.NOT_CHECKED] == ["signature"]


@pytest.mark.parametrize("document", [None, [], {}, {"object": "member"}, {"promise": None}, {"promise": {"v": 1}}])
def test_it_refuses_what_holds_no_proof(document: object) -> None:
    with pytest.raises(InvalidInput):
        read_proof(document)


def test_a_proof_is_found_inside_an_answer() -> None:
    promise = {"settle_by": "2026-01-01T00:00:00Z", "signature": "0x"}
    assert read_proof({"object": "purchase", "promise": promise}) == ("promise", promise)
    assert read_proof({"leaf": {}, "proof": []}) == ("receipt", {"leaf": {}, "proof": []})
