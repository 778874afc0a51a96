"""Prints what a member's wallet shows: `python shown_in_wallet.py card mem_…`, in the deployment of MEREAU_DATA_DIR."""

from __future__ import annotations

import sys

from token_service.app import open_application
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewVoucher
from token_service.ledger.member_codes import new_code
from token_service.ledger.vouchers import buy_reward


def card(context: Context, member: Actor) -> str:
    """The code on the member's card."""
    return new_code(context, member).code


def voucher(context: Context, member: Actor) -> str:
    """The code of a coffee that the member buys in the wallet."""
    bought = buy_reward(context, member, NewVoucher(f"coffee-{member.member_id}", "free-coffee", 100))
    return bought.value.code or ""


if __name__ == "__main__":
    page, member_id = sys.argv[1:]
    with open_application() as application:
        sys.stdout.write({"card": card, "voucher": voucher}[page](application.context, Actor.member(member_id)))
