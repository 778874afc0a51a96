"""The leaves of one batch as text: receipt files (one JSON object a line) and the public batch document (CONTRACT §2).

A receipt file is `receipts/{operator}/{seq}`: a header line, then one line a leaf in index order, each with the
sealed opening that only the service can read. The header counts the leaves and names the root, so a torn file shows.
The public document of GET /v1/batches/{operator}/{seq}/receipts is one JSON object with the same fields and no sealed
part. For auditors whom the programme admits each leaf also has its opening (id, salt and detail), or says why it has none:
`closed` is "erased" or "withheld".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from token_service.errors import InvalidInput
from token_service.protocol import fields, json_text, receipts
from token_service.protocol.hashing import checksum_address, to_hex
from token_service.protocol.receipts import Leaf, Opening
from token_service.units import POINTS_MAX

LEAVES_MAX = 100_000
"""More leaves than any batch has: words and facts together."""

Closed = Literal["erased", "withheld"]
CLOSED: Final = ("erased", "withheld")


@dataclass(frozen=True, slots=True)
class FiledLeaf:
    """A leaf with what the service keeps beside it: the entry's or fact's id and its sealed opening, both None in
    public; or what it shows to an auditor: the id and the opening, or why there is none.
    """

    leaf: Leaf
    id: str | None = None
    sealed: str | None = None
    opening: Opening | None = None
    closed: Closed | None = None


@dataclass(frozen=True, slots=True)
class BatchReceipts:
    """All leaves of one batch, in index order: indices 0 … word_count−1 are its words, the rest its facts."""

    chain_id: int
    contract: str
    operator: str
    seq: int
    ruleset_hash: str
    receipts_root: str
    word_count: int
    leaves: tuple[FiledLeaf, ...]


def relative_path(operator: str, seq: int) -> str:
    """Where a batch's receipt file lies below the receipts folder: `{operator in lower case}/{seq}`."""
    return f"{checksum_address(operator).lower()}/{seq}"


def file_text(batch: BatchReceipts) -> str:
    """The receipt file: header line and one line a leaf, each ended by a line feed."""
    lines = [receipts.jcs(header(batch)), *map(_line_text, batch.leaves)]
    return "".join(line + "\n" for line in lines)


def document(batch: BatchReceipts) -> dict[str, object]:
    """The public form: no ids, nothing sealed."""
    return {**header(batch), "object": "batch_receipts", "leaves": [_line(f, private=False) for f in batch.leaves]}


def opened_line(filed: FiledLeaf) -> dict[str, object]:
    """A leaf as an auditor gets it: as in public, with its opening or the reason why there is none."""
    line = _line(filed, private=False)
    if filed.opening is None:
        return line | {"closed": filed.closed or "withheld"}
    return line | {"id": filed.id, "salt": filed.opening.salt, "detail": filed.opening.detail}


def opened_file_lines(batch: BatchReceipts) -> Iterator[str]:
    """The file of a batch with its openings: the header, then a line a leaf, each ended by a line feed."""
    yield json.dumps(header(batch)) + "\n"
    for filed in batch.leaves:
        yield json.dumps(opened_line(filed), ensure_ascii=False) + "\n"


def parse(text: str) -> BatchReceipts:
    """The batch of a receipt file or of a public document. Raises InvalidInput for torn or malformed text.

    Whether the leaves hash to the root and have complete indices is for the reader to judge, not refused here.
    """
    header, *rest = _objects(text)
    lines = rest
    if not rest and "leaves" in header:
        lines = [fields.mapping(line, "leaves") for line in fields.items(header, "leaves")]
    count = fields.whole(header, "leaf_count", LEAVES_MAX)
    if len(lines) != count:
        raise InvalidInput(f"the header counts {count} leaves and there are {len(lines)}")
    chain_id = fields.whole(header, "chain_id", 2**256 - 1)
    contract, operator = fields.address(header, "contract"), fields.address(header, "operator")
    seq = fields.whole(header, "seq", 2**64 - 1)
    return BatchReceipts(
        chain_id=chain_id,
        contract=contract,
        operator=operator,
        seq=seq,
        ruleset_hash=fields.hash32(header, "ruleset_hash"),
        receipts_root=fields.hash32(header, "receipts_root"),
        word_count=fields.whole(header, "word_count", LEAVES_MAX),
        leaves=tuple(_filed_leaf(line, chain_id, contract, operator, seq) for line in lines),
    )


def computed_root(leaves: Sequence[FiledLeaf] | Iterable[FiledLeaf]) -> str:
    """The root that these leaves give, in hex. Raises InvalidInput when there is none."""
    return to_hex(receipts.receipts_tree([filed.leaf for filed in leaves]).root)


def header(batch: BatchReceipts) -> dict[str, object]:
    """What all leaves of a batch share."""
    return {
        "v": 1,
        "chain_id": batch.chain_id,
        "contract": batch.contract,
        "operator": batch.operator,
        "seq": batch.seq,
        "ruleset_hash": batch.ruleset_hash,
        "receipts_root": batch.receipts_root,
        "word_count": batch.word_count,
        "leaf_count": len(batch.leaves),
    }


def _line(filed: FiledLeaf, *, private: bool) -> dict[str, object]:
    leaf = filed.leaf
    line: dict[str, object] = {
        "index": leaf.index,
        "account": leaf.account,
        "kind": leaf.kind,
        "party": leaf.party,
        "amount": leaf.amount,
        "commitment": leaf.commitment,
    }
    if private:
        line |= {name: value for name, value in (("id", filed.id), ("sealed", filed.sealed)) if value is not None}
    return line


def _line_text(filed: FiledLeaf) -> str:
    """The same text that `receipts.jcs` would write, three times as fast: for whole numbers and plain ASCII without anything
    to escape there is only one."""
    return json.dumps(_line(filed, private=True), sort_keys=True, separators=(",", ":"))


def _objects(text: str) -> list[Mapping[str, object]]:
    """One object when the whole text is one (however it is laid out), otherwise one a line."""
    lines = text.removesuffix("\n").split("\n")  # splitlines() would also end lines within texts, at U+2028 and others
    if len(lines) > 1 and lines[0].endswith("}"):
        if not text.endswith("\n"):
            raise InvalidInput("the receipt file is torn: its last line has no end")
        return [fields.mapping(json_text.load(line), "line") for line in lines]
    return [fields.mapping(json_text.load(text), "batch")]


def _filed_leaf(line: Mapping[str, object], chain_id: int, contract: str, operator: str, seq: int) -> FiledLeaf:
    leaf = Leaf(
        chain_id=chain_id,
        contract=contract,
        operator=operator,
        seq=seq,
        index=fields.whole(line, "index", LEAVES_MAX),
        account=fields.address(line, "account"),
        kind=fields.whole(line, "kind", 10),
        party=fields.whole(line, "party", 2**24 - 1),
        amount=fields.whole(line, "amount", POINTS_MAX),
        commitment=fields.hash32(line, "commitment"),
    )
    kept = {name: fields.text(line, name) for name in ("id", "sealed") if line.get(name) is not None}
    return FiledLeaf(leaf, kept.get("id"), kept.get("sealed"), _opening(line), _closed(line))


def _opening(line: Mapping[str, object]) -> Opening | None:
    if line.get("detail") is None:
        return None
    return Opening(fields.hash32(line, "salt"), fields.text(line, "detail"))


def _closed(line: Mapping[str, object]) -> Closed | None:
    closed = line.get("closed")
    if closed is not None and closed not in CLOSED:
        raise InvalidInput("closed: erased or withheld is needed")
    return closed
