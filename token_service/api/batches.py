"""Batches and their leaves: what an auditor reads beside the chain. Public, but for the openings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Literal, cast

from flask import Response
from pydantic import Field

from token_service.api.access import needs, public
from token_service.api.answers import Answer, Instant, ListAnswer, list_of
from token_service.api.input import Path
from token_service.api.lists import ListQuery
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.errors import NotFound
from token_service.ledger import opened_batches, program_setup, receipts
from token_service.protocol import receipt_files
from token_service.protocol.hashing import checksum_address
from token_service.protocol.receipt_files import BatchReceipts, FiledLeaf

routes = Routes("batches", __name__, abp_tags=[{"name": "Batches"}])


class BatchPath(Path):
    operator: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    seq: int = Field(ge=0, le=2**63 - 1)


class BatchAnswer(Answer):
    """Entries settled in one transaction; `receipts_root` is the root over the leaves of entries and facts."""

    object: Literal["batch"] = "batch"
    operator: str
    seq: int
    ruleset: str
    receipts_root: str
    word_count: int
    leaf_count: int
    state: str
    created_at: Instant
    block_number: int | None
    transaction_hash: str | None
    gas_used: int | None
    minted: int | None
    burned: int | None


class BatchList(ListAnswer[BatchAnswer]):
    pass


class BatchLeafAnswer(Answer):
    """A leaf without what all leaves of the batch share."""

    index: int
    account: str
    kind: int
    party: int
    amount: int
    commitment: str


class OpenedLeafAnswer(BatchLeafAnswer):
    """A leaf with its opening (id, salt, detail), or `closed`: "erased" or "withheld"."""

    id: str | None = None
    salt: str | None = None
    detail: str | None = None
    closed: Literal["erased", "withheld"] | None = None


class BatchHeaderAnswer(Answer):
    """What all leaves of a batch share."""

    v: int
    chain_id: int
    contract: str
    operator: str
    seq: int
    ruleset_hash: str
    receipts_root: str
    word_count: int
    leaf_count: int


class BatchReceiptsAnswer(BatchHeaderAnswer):
    """All leaves of one batch, in index order: 0 … word_count−1 are its words, the rest its facts."""

    object: Literal["batch_receipts"] = "batch_receipts"
    leaves: list[BatchLeafAnswer]


class BatchOpeningsAnswer(BatchHeaderAnswer):
    """As the receipts of a batch, with the opening of every leaf that can be opened."""

    object: Literal["batch_openings"] = "batch_openings"
    leaves: list[OpenedLeafAnswer]


@routes.get("/v1/batches", responses={200: BatchList})
@public()
def list_batches(query: ListQuery) -> Response:
    """Batches, newest first."""
    return list_of(BatchList, receipts.list_batches(ledger(), limit=query.limit, cursor=query.cursor), BatchAnswer.of)


@routes.get("/v1/batches/<operator>/<seq>/receipts", responses={200: BatchReceiptsAnswer})
@public()
def batch_receipts(path: BatchPath) -> Response:
    """All leaves of a batch; they hash to the root that the chain's BatchSettled names."""
    document = receipt_files.document(_batch(path))
    leaves = cast("list[dict[str, object]]", document.pop("leaves"))
    return Response(_stream(document, leaves), mimetype="application/json")


@routes.get("/v1/batches/<operator>/<seq>/openings", responses={200: BatchOpeningsAnswer})
@needs("openings:read")
def batch_openings(path: BatchPath) -> Response:
    """All leaves of a batch with what lies behind their commitments, for auditors whom the programme admits."""
    batch = opened_batches.opened_batch(ledger(), checksum_address(path.operator), path.seq)
    header = receipt_files.header(batch) | {"object": "batch_openings"}
    return Response(_stream(header, map(receipt_files.opened_line, batch.leaves)), mimetype="application/json")


def _batch(path: BatchPath) -> BatchReceipts:
    program = program_setup.get_program(ledger())
    batch, leaves = receipts.batch_leaves(ledger(), checksum_address(path.operator), path.seq)
    if program.contract is None:
        raise NotFound("No contract is deployed yet.")
    contract = program.contract
    return BatchReceipts(
        chain_id=program.chain_id,
        contract=contract,
        operator=batch.operator,
        seq=batch.seq,
        ruleset_hash=batch.ruleset,
        receipts_root=batch.receipts_root,
        word_count=batch.word_count,
        leaves=tuple(
            FiledLeaf(receipts.leaf_of(program.chain_id, contract, batch.operator, batch.seq, leaf)) for leaf in leaves
        ),
    )


def _stream(header: dict[str, object], leaves: Iterable[dict[str, object]]) -> Iterator[str]:
    """The document, a leaf at a time."""
    yield json.dumps(header)[:-1] + ', "leaves": ['
    for position, leaf in enumerate(leaves):
        yield (", " if position else "") + json.dumps(leaf)
    yield "]}"
