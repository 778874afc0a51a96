"""The member's vouchers: all of them, and one to show at the till."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from token_service.ledger.views import Voucher
from token_service.ledger.vouchers import get_voucher, list_vouchers
from token_service.pages.breakdown import reward_named
from token_service.pages.qr import qr
from token_service.pages.services import services
from token_service.pages.signed_in import actor


@dataclass(frozen=True)
class ShownVoucher:
    """A voucher with its reward's name in the page's language."""

    voucher: Voucher
    name: str

    @property
    def qr(self) -> Markup | None:
        """The code drawn; None once it is over."""
        return None if self.voucher.code is None else qr(self.voucher.code)


def add_to(pages: Blueprint) -> None:
    """Adds /vouchers and /vouchers/…"""
    pages.add_url_rule("/vouchers", "vouchers", vouchers)
    pages.add_url_rule("/vouchers/<voucher_id>", "voucher", voucher)


def vouchers() -> ResponseReturnValue:
    """Open ones first, then those that are over, in words."""
    return render_template("vouchers.html", program=services().ruleset().program, vouchers=own_vouchers())


def voucher(voucher_id: str) -> ResponseReturnValue:
    """One voucher, large."""
    found = get_voucher(services().context, actor(), voucher_id)
    return render_template("voucher.html", program=services().ruleset().program, one=_shown(found))


def own_vouchers() -> list[ShownVoucher]:
    """The member's, open ones first, each newest first."""
    return [_shown(one) for one in list_vouchers(services().context, actor())]


def _shown(one: Voucher) -> ShownVoucher:
    name = reward_named(services().ruleset_named(one.ruleset), one.reward_id)
    return ShownVoucher(one, name)
