"""The member's vouchers: all of them, and one to show at the till."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from token_service.ledger.reward_terms import terms_of
from token_service.ledger.views import Voucher
from token_service.ledger.vouchers import get_voucher, list_vouchers
from token_service.pages.breakdown import own_name
from token_service.pages.qr import qr
from token_service.pages.reward_words import came_off, terms_in_words
from token_service.pages.services import services
from token_service.pages.signed_in import actor
from token_service.program.voucher_ends import GIVE_BACK


@dataclass(frozen=True)
class ShownVoucher:
    """A voucher with its reward's name and terms in the page's language, what it took off the order it was used for, and whether
    its end gives points back.
    """

    voucher: Voucher
    name: str
    terms: tuple[str, ...]
    came_off: str | None
    gives_back: bool

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
    rules = services().ruleset_named(one.ruleset)
    reward = next(reward for reward in rules.rewards if reward.id == one.reward_id)
    terms = tuple(terms_in_words(terms_of(reward, rules.program.currency)))
    gives_back = reward.on_expiry == GIVE_BACK and one.redemption_id is not None
    return ShownVoucher(one, own_name(reward), terms, came_off(one.discount), gives_back)
