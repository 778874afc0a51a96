"""One entry: where it stands on its way to the chain, and the receipt that proves it."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, EntryAnswer, respond
from token_service.api.input import Path
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import receipts as ledger_receipts
from token_service.ledger import statements
from token_service.protocol import receipts

routes = Routes("entries", __name__, abp_tags=[{"name": "Entries"}])


class EntryPath(Path):
    entry_id: str = Field(max_length=30)


class LeafAnswer(Answer):
    """The ten fields that are hashed, in that order (CONTRACT §2)."""

    chain_id: int
    contract: str
    operator: str
    seq: int
    index: int
    account: str
    kind: int
    party: int
    amount: int
    commitment: str


class OpeningAnswer(Answer):
    """What lies behind the commitment: the salt, and the detail as RFC 8785 text."""

    salt: str
    detail: str


class ReceiptAnswer(Answer):
    """What `mereau verify` reads: the leaf, its proof up to the batch's root, and what became of it on the chain."""

    object: Literal["receipt"] = "receipt"
    v: int
    entry_id: str
    outcome: Literal["applied", "skipped"]
    leaf: LeafAnswer
    proof: list[str]
    root: str
    opening: OpeningAnswer | None
    transaction_hash: str | None
    block_number: int | None


@routes.get("/v1/entries/<entry_id>", responses={200: EntryAnswer})
@needs("members:read")
def get(path: EntryPath) -> Response:
    """One entry, with its settlement: accepted, batched, mined, final or skipped."""
    return respond(EntryAnswer.of(statements.get_entry(ledger(), caller(), path.entry_id)))


@routes.get("/v1/entries/<entry_id>/receipt", responses={200: ReceiptAnswer})
@needs("members:read")
def get_receipt(path: EntryPath) -> Response:
    """The receipt of an entry; there is none until the entry is final on the chain."""
    view = ledger_receipts.get_receipt(ledger(), caller(), path.entry_id)
    return respond(
        ReceiptAnswer.model_validate(
            {
                **receipts.receipt_to_json(ledger_receipts.proved(view)),
                "transaction_hash": view.transaction_hash,
                "block_number": view.block_number,
            }
        )
    )
