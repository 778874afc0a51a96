"""One line of the statement on its own page: three sentences first, the technical particulars below, the receipt to keep."""

from __future__ import annotations

import json

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from token_service.errors import NotFound
from token_service.ledger.receipts import get_receipt
from token_service.ledger.statements import get_entry
from token_service.ledger.views import LeafView, Receipt
from token_service.pages.lines import SEALED, line_of, sentences, state_of
from token_service.pages.services import services
from token_service.pages.signed_in import actor
from token_service.protocol import receipts


def add_to(pages: Blueprint) -> None:
    """Adds /wallet/entries/…"""
    pages.add_url_rule("/wallet/entries/<entry_id>", "entry", entry)
    pages.add_url_rule("/wallet/entries/<entry_id>/receipt.json", "receipt", receipt)


def entry(entry_id: str) -> ResponseReturnValue:
    """What happened, how far it is written down, what can be done with that."""
    given = services()
    view = get_entry(given.context, actor(), entry_id)
    return render_template(
        "entry.html",
        program=given.ruleset().program,
        line=line_of(view),
        sentences=sentences(view),
        settlement=view.settlement,
        has_receipt=state_of(view) == SEALED,
    )


def receipt(entry_id: str) -> ResponseReturnValue:
    """The receipt as a file, the same document as GET /v1/entries/{id}/receipt. 404 until the line is final."""
    found = get_receipt(services().context, actor(), entry_id)
    if found.outcome is None:
        raise NotFound("no receipt before the line is final")
    text = json.dumps(receipts.receipt_to_json(_proved(found)), indent=2, ensure_ascii=False)
    answer = Response(text + "\n", mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="{entry_id}.json"'
    return answer


def _proved(found: Receipt) -> receipts.Receipt:
    leaves = [_leaf(found, leaf) for leaf in found.leaves]
    opening = None
    if found.salt is not None and found.detail is not None:
        opening = receipts.Opening(found.salt, found.detail)
    return receipts.make_receipt(
        receipts.receipts_tree(leaves),
        _leaf(found, found.leaf),
        position=found.index,
        outcome="applied" if found.outcome == "applied" else "skipped",
        entry_id=found.entry_id,
        opening=opening,
    )


def _leaf(found: Receipt, leaf: LeafView) -> receipts.Leaf:
    return receipts.Leaf(
        chain_id=found.chain_id,
        contract=found.contract,
        operator=found.operator,
        seq=found.seq,
        index=leaf.index,
        account=leaf.account,
        kind=leaf.kind,
        party=leaf.party,
        amount=leaf.amount,
        commitment=leaf.commitment,
    )
