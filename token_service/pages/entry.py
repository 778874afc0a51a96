"""One line of the statement on its own page: three sentences first, then its proof, checked against the chain when the page is
opened, the technical particulars below, the receipt to keep.
"""

from __future__ import annotations

import json

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from token_service.errors import NotFound
from token_service.ledger.balances import get_balance
from token_service.ledger.program_setup import get_program
from token_service.ledger.receipts import get_receipt, proved
from token_service.ledger.statements import get_entry
from token_service.ledger.views import EntryView
from token_service.pages.commands import verify_command
from token_service.pages.lines import line_of, sentences
from token_service.pages.proof import Proof, prove
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id, session
from token_service.protocol import receipts


def add_to(pages: Blueprint) -> None:
    """Adds /wallet/entries/…"""
    pages.add_url_rule("/wallet/entries/<entry_id>", "entry", entry)
    pages.add_url_rule("/wallet/entries/<entry_id>/receipt.json", "receipt", receipt)


def entry(entry_id: str) -> ResponseReturnValue:
    """What happened, how far it is written down, what can be done with that; and whether it is so."""
    given = services()
    view = get_entry(given.context, actor(), entry_id)
    proof = _proof(view)
    return render_template(
        "entry.html",
        program=given.ruleset().program,
        line=line_of(view),
        sentences=sentences(view),
        settlement=view.settlement,
        proof=proof,
        command=None if proof is None else _command(view, proof),
    )


def receipt(entry_id: str) -> ResponseReturnValue:
    """The receipt as a file, the same document as GET /v1/entries/{id}/receipt. 404 until the line is final."""
    found = proved(get_receipt(services().context, actor(), entry_id))
    text = json.dumps(receipts.receipt_to_json(found), indent=2, ensure_ascii=False)
    answer = Response(text + "\n", mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="{entry_id}.json"'
    return answer


def _proof(view: EntryView) -> Proof | None:
    """None for a line that has no receipt (yet)."""
    given = services()
    try:
        found = get_receipt(given.context, actor(), view.id)
        document = proved(found)
    except NotFound:
        return None
    on_chain = get_balance(given.context, actor(), member_id()).on_chain
    return prove(given, session().id, found, document, on_chain)


def _command(view: EntryView, proof: Proof) -> str:
    given, seen = services(), proof.sighting
    is_below = seen.block_number is None or seen.final_block is None or seen.block_number <= seen.final_block
    program = get_program(given.context)
    contract = proof.receipt.leaf.contract
    return verify_command(given, program, contract, f"{view.id}.json", block=None if is_below else "latest")
