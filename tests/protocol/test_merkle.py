"""The trees equal those of OpenZeppelin's JavaScript library, which members and auditors may use instead of ours."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.errors import InvalidInput
from token_service.protocol import merkle
from token_service.protocol.hashing import address_from_bytes, hash_to_bytes, to_hex
from token_service.protocol.receipts import LEAF_TYPES, Leaf, leaf_hash, receipts_tree
from token_service.units import POINTS_MAX

SCRIPT = Path(__file__).with_name("openzeppelin_trees.cjs")
ROOT = Path(__file__).parents[2]
SIZES = [*range(1, 35), 63, 64, 65, 127, 128, 200, 500]


def test_roots_proofs_and_leaf_hashes_equal_openzeppelins() -> None:
    draw = random.Random(2026)
    batches = [[_leaf(draw, index) for index in range(size)] for size in SIZES]
    for leaves, theirs in zip(batches, _openzeppelin(batches), strict=True):
        ours = receipts_tree(leaves)
        assert to_hex(ours.root) == theirs["root"]
        assert [to_hex(leaf_hash(leaf)) for leaf in leaves] == theirs["hashes"]
        assert [[to_hex(node) for node in ours.proof(i)] for i in range(len(leaves))] == theirs["proofs"]


def test_equal_leaves_are_allowed_as_in_openzeppelins() -> None:
    leaf = _leaf(random.Random(1), 0)
    (theirs,) = _openzeppelin([[leaf, leaf, leaf]])
    assert to_hex(receipts_tree([leaf] * 3).root) == theirs["root"]


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70), st.data())
def test_every_proof_leads_to_the_root_and_no_other_leaf_does(leaves: list[bytes], data: st.DataObject) -> None:
    tree = merkle.tree(leaves)
    position = data.draw(st.integers(0, len(leaves) - 1))
    proof = tree.proof(position)
    assert merkle.verify(tree.root, leaves[position], proof)
    stranger = bytes(b ^ 1 for b in leaves[position])
    assert not merkle.verify(tree.root, stranger, proof)
    assert merkle.root(sorted(leaves)) == tree.root


@pytest.mark.parametrize("leaves", [[], [b"short"], [bytes(32), bytes(33)]])
def test_it_refuses_what_is_no_tree(leaves: list[bytes]) -> None:
    with pytest.raises(InvalidInput):
        merkle.tree(leaves)


@pytest.mark.parametrize("position", [-1, 3])
def test_it_refuses_a_proof_of_no_leaf(position: int) -> None:
    with pytest.raises(InvalidInput):
        merkle.tree([bytes(32)] * 3).proof(position)


def _leaf(draw: random.Random, index: int) -> Leaf:
    return Leaf(
        chain_id=draw.randrange(1, 2**52),
        contract=address_from_bytes(draw.randbytes(20)),
        operator=address_from_bytes(draw.randbytes(20)),
        seq=draw.randrange(2**64),
        index=index,
        account=address_from_bytes(draw.randbytes(20)),
        kind=draw.randrange(11),
        party=draw.randrange(2**24),
        amount=draw.randrange(POINTS_MAX + 1),
        commitment=to_hex(draw.randbytes(32)),
    )


def _openzeppelin(batches: list[list[Leaf]]) -> list[dict[str, object]]:
    node = shutil.which("node")
    assert node is not None
    request = [{"types": LEAF_TYPES, "values": [_values(leaf) for leaf in leaves]} for leaves in batches]
    answer = subprocess.run(
        [node, str(SCRIPT)], input=json.dumps(request), capture_output=True, text=True, check=True, cwd=ROOT
    )
    found: list[dict[str, object]] = json.loads(answer.stdout)
    return found


def _values(leaf: Leaf) -> list[str]:
    assert len(hash_to_bytes(leaf.commitment)) == 32
    return [str(getattr(leaf, name)) for name in Leaf.__slots__]


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40))
def test_the_path_goes_from_the_leafs_parent_to_the_root(leaves: list[bytes]) -> None:
    tree = merkle.tree(leaves)
    for position, leaf in enumerate(leaves):
        proof = tree.proof(position)
        nodes = merkle.path(leaf, proof)
        assert len(nodes) == len(proof)
        assert [leaf, *nodes][-1] == tree.root
