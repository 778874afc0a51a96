"""The demo's mailbox: the mails that a mail server would have delivered, open to everybody. Exists in a demo only."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from token_service.ledger.sessions import kept_mails
from token_service.pages.services import services


def add_to(pages: Blueprint) -> None:
    """Adds /mailbox."""
    pages.add_url_rule("/mailbox", "mailbox", mailbox)


def mailbox() -> ResponseReturnValue:
    given = services()
    return render_template("mailbox.html", mails=kept_mails(given.context), program=given.ruleset().program)
