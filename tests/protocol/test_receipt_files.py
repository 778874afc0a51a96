from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.protocol import receipt_files, receipts
from token_service.protocol.hashing import checksum_address, to_hex
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf
from token_service.protocol.receipts import Leaf

from . import strategies

CONTRACT, OPERATOR = checksum_address("0x" + "1c" * 20), checksum_address("0x" + "2d" * 20)


def make_batch(count: int = 3, words: int = 2) -> BatchReceipts:
    leaves = [
        Leaf(
            7, CONTRACT, OPERATOR, 4, i, checksum_address(f"0x{i + 1:040x}"), 1 if i < words else 0, 1, 5, f"0x{i:064x}"
        )
        for i in range(count)
    ]
    filed = tuple(FiledLeaf(leaf, f"ent_{leaf.index}", "c2VhbGVk") for leaf in leaves)
    root = to_hex(receipts.receipts_tree(leaves).root)
    return BatchReceipts(7, CONTRACT, OPERATOR, 4, "0x" + "ab" * 32, root, words, filed)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_a_file_is_read_back_as_it_was_written(count: int) -> None:
    batch = make_batch(count, words=1)
    assert receipt_files.parse(receipt_files.file_text(batch)) == batch
    assert receipt_files.computed_root(batch.leaves) == batch.receipts_root


def test_the_public_document_shows_neither_ids_nor_sealed_openings() -> None:
    text = json.dumps(receipt_files.document(make_batch()), indent=2)
    assert "ent_" not in text
    assert "c2VhbGVk" not in text
    read = receipt_files.parse(text)
    assert [filed.leaf for filed in read.leaves] == [filed.leaf for filed in make_batch().leaves]


@given(st.integers(0, 2_000))
def test_a_torn_file_is_never_taken_for_a_whole_one(cut: int) -> None:
    text = receipt_files.file_text(make_batch())
    torn = text[: min(cut, len(text) - 1)]
    with pytest.raises(InvalidInput):
        receipt_files.parse(torn)


@pytest.mark.parametrize(
    "text", ["", "\n", "[]", "null", "{}", '{"leaves": 5}', "[" * 100_000, "{}\n" * 3, '{"a":1}\nnull\n']
)
def test_it_refuses_what_is_no_batch(text: str) -> None:
    with pytest.raises(InvalidInput):
        receipt_files.parse(text)


@given(strategies.addresses)
def test_a_file_lies_under_its_operator_in_lower_case(operator: str) -> None:
    assert receipt_files.relative_path(operator, 12) == f"{operator.lower()}/12"
