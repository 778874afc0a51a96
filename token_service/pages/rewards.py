"""Rewards: what points buy, one of them with what will be left, and buying it for a voucher.

The form carries its own name: sent twice, or again after the network failed, it gives the same voucher.
"""

from __future__ import annotations

import re
from typing import Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from token_service.errors import Refused
from token_service.ledger.causes import list_causes
from token_service.ledger.donations import donate
from token_service.ledger.inputs import NewDonation, NewVoucher
from token_service.ledger.members import get_member
from token_service.ledger.reward_standings import list_reward_standings
from token_service.ledger.views import Member
from token_service.ledger.vouchers import buy_reward
from token_service.pages.on_offer import Offer, on_offer
from token_service.pages.services import services
from token_service.pages.signed_in import actor, member_id
from token_service.program.rewards import DONATION
from token_service.program.ruleset import Ruleset

FORM: Final = re.compile(r"[0-9a-f]{32}")


def add_to(pages: Blueprint) -> None:
    """Adds /rewards and /rewards/…"""
    pages.add_url_rule("/rewards", "rewards", rewards)
    pages.add_url_rule("/rewards/<reward_id>", "reward", reward)
    pages.add_url_rule("/rewards/<reward_id>", "buy", buy, methods=["POST"])


def rewards() -> ResponseReturnValue:
    """All of them, those within reach first."""
    given = services()
    member = _member()
    rules = given.ruleset()
    return render_template(
        "rewards.html",
        program=rules.program,
        member=member,
        rewards=rewards_in_reach(rules),
        has_causes=any(cause.is_open for cause in list_causes(given.context)),
    )


def reward(reward_id: str) -> ResponseReturnValue:
    """What it is, its price, what will be left; or what is missing."""
    return _page(reward_id, form=services().context.random_bytes(16).hex())


def buy(reward_id: str) -> ResponseReturnValue:
    """The voucher, on its own page, or the line of what was given; or the reward's page again, with the reason why not."""
    form, agreed = request.form.get("form", ""), request.form.get("points", "")
    if not FORM.fullmatch(form):
        abort(404)
    points = int(agreed) if agreed.isascii() and agreed.isdecimal() and 0 < len(agreed) <= 16 else 0
    try:
        if _gives(reward_id):
            new = NewDonation(f"wallet/{form}", member_id(), points, reward_id=reward_id)
            given = donate(services().context, actor(), new)
            return redirect(url_for("pages.entry", entry_id=given.entries[0].id), 303)
        bought = buy_reward(services().context, actor(), NewVoucher(f"wallet/{form}", reward_id, points))
    except Refused as refusal:
        return _page(reward_id, form=form, refusal=refusal.code), 409
    return redirect(url_for("pages.voucher", voucher_id=bought.value.id), 303)


def _gives(reward_id: str) -> bool:
    return any(one.id == reward_id and one.kind == DONATION for one in services().ruleset().rewards)


def rewards_in_reach(rules: Ruleset) -> list[Offer]:
    """The rewards the member can have now, dearest first, then the nearest ones, then those that are closed to them."""
    return sorted(on_offer(rules, list_reward_standings(services().context, actor(), member_id())), key=_place)


def _place(reward: Offer) -> tuple[bool, bool, int]:
    return reward.closed is not None, reward.missing > 0, reward.points if reward.missing else -reward.points


def _member() -> Member:
    return get_member(services().context, actor(), member_id())


def _page(reward_id: str, *, form: str, refusal: str | None = None) -> str:
    rules, member = services().ruleset(), _member()
    found = [one for one in rewards_in_reach(rules) if one.id == reward_id]
    if not found:
        abort(404)
    return render_template(
        "reward.html",
        program=rules.program,
        member=member,
        reward=found[0],
        form=form,
        refusal=refusal,
        is_blocked=member.frozen or member.state != "active",
    )
