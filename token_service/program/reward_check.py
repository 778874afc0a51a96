"""Contradictions inside a ruleset's rewards, each with its place (ruleset_check.py has those of everything else)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from token_service.errors import Place
from token_service.program.award_schema import VoucherAward
from token_service.program.rewards import COMPANY_KINDS, DONATION, lowest_price
from token_service.program.schema import Reward, Ruleset


def reward_mistakes(ruleset: Ruleset) -> Iterator[Place]:
    """Everything in the rewards that contradicts itself or what they name, reward by reward."""
    levels = {level.id for level in (ruleset.tiers.levels if ruleset.tiers else ())}
    memberships = {one.id for one in ruleset.memberships}
    segments = {one.id for one in ruleset.segments}
    for index, reward in enumerate(ruleset.rewards):
        here = f"/rewards/{index}"
        if reward.starts and reward.until and reward.until < reward.starts:
            yield Place(f"{here}/until", "must not lie before from")
        yield from _prices(here, reward, levels)
        yield from _discount(here, reward)
        yield from _unknown(f"{here}/levels", reward.levels, levels, "must be the id of a level")
        yield from _unknown(f"{here}/memberships", reward.memberships, memberships, "must be the id of a membership")
        yield from _unknown(f"{here}/segments", reward.segments, segments, "must be a segment that the rules declare")
        yield from _early_days(here, reward, levels | memberships)
        yield from _voucher_end(here, reward)
        yield from _of_kind(here, reward)
        yield from _giving(here, reward, ruleset)
        yield from _for_companies(here, reward, ruleset)


def won_mistakes(ruleset: Ruleset) -> Iterator[Place]:
    """Vouchers of campaigns and challenges for rewards that nobody may win."""
    for index, campaign in enumerate(ruleset.campaigns):
        if isinstance(campaign.award, VoucherAward):
            yield from _won(f"/campaigns/{index}/award/voucher", ruleset, campaign.award.voucher)
    for index, challenge in enumerate(ruleset.challenges):
        yield from _won(f"/challenges/{index}/award/reward", ruleset, challenge.award.reward)


def _won(pointer: str, ruleset: Ruleset, reward_id: str | None) -> Iterator[Place]:
    kind = next((reward.kind for reward in ruleset.rewards if reward.id == reward_id), None)
    if kind == DONATION:
        yield Place(pointer, "must not be a donation: its points go to a cause, and there is no voucher for it")
    elif kind in COMPANY_KINDS:
        yield Place(pointer, "must not be a reward for companies: anybody could win it")


def _of_kind(here: str, reward: Reward) -> Iterator[Place]:
    """What each of three kinds needs, and no other one may have."""
    for key, kind in (("cause", DONATION), ("funds", "marketing_funds"), ("seats", "training")):
        is_there = getattr(reward, key) is not None
        if is_there and reward.kind != kind:
            yield Place(f"{here}/{key}", f"is for a reward of the kind {kind}")
        elif reward.kind == kind and not is_there:
            yield Place(here, f"of the kind {kind} must have {key}")


def _giving(here: str, reward: Reward, ruleset: Ruleset) -> Iterator[Place]:
    if reward.kind != DONATION:
        return
    for key in ("categories", "skus", "min_total", "voucher_valid", "on_expiry"):
        if getattr(reward, key):
            yield Place(
                f"{here}/{key}", "has no effect on a donation, for which there is neither an order nor a voucher"
            )
    limits = ruleset.donations
    if limits is None:
        return
    if limits.causes is not None and reward.cause is not None and reward.cause not in limits.causes:
        yield Place(f"{here}/cause", "must be one of donations.causes, or nobody can have it")
    for key in ("per_member_day_points", "per_member_points"):
        most = getattr(limits, key)
        if most is not None and lowest_price(reward) > most:
            yield Place(f"{here}/points", f"exceeds donations.{key}, so nobody can have it")


def _for_companies(here: str, reward: Reward, ruleset: Ruleset) -> Iterator[Place]:
    if reward.kind not in COMPANY_KINDS:
        return
    companies = {one.id for one in ruleset.segments if one.companies}
    if not reward.segments:
        yield Place(here, f"of the kind {reward.kind} must name segments of companies: nobody else may have it")
    for place, one in enumerate(reward.segments):
        if one not in companies:
            yield Place(f"{here}/segments/{place}", "must be a segment with companies: true")
    for key in ("levels", "memberships"):
        if getattr(reward, key):
            yield Place(f"{here}/{key}", "would let others than companies have it: name segments only")


def _unknown(pointer: str, named: Iterable[str], known: set[str], detail: str) -> Iterator[Place]:
    for place, one in enumerate(named):
        if one not in known:
            yield Place(f"{pointer}/{place}", detail)


def _prices(here: str, reward: Reward, levels: set[str]) -> Iterator[Place]:
    for level in sorted(reward.points_by_level or {}):
        pointer = f"{here}/points_by_level/{level}"
        if level not in levels:
            yield Place(pointer, "must be the id of a level")
        elif reward.levels and level not in reward.levels and not reward.memberships and not reward.segments:
            yield Place(pointer, "has no effect: this level may not have the reward")


def _discount(here: str, reward: Reward) -> Iterator[Place]:
    discount, pointer = reward.discount, f"{here}/discount"
    if discount is None:
        return
    if reward.kind != "discount":
        yield Place(pointer, "is for a reward of the kind discount")
    if (discount.amount is None) == (discount.percent is None):
        yield Place(pointer, "must have either amount or percent")
    elif discount.up_to is not None and discount.percent is None:
        yield Place(f"{pointer}/up_to", "has no effect on an amount: it is for a percent")


def _voucher_end(here: str, reward: Reward) -> Iterator[Place]:
    if reward.voucher_valid is not None and reward.on_expiry is None:
        yield Place(f"{here}/voucher_valid", "needs on_expiry: give_back or lose, said to members before they buy")
    elif reward.on_expiry is not None and reward.voucher_valid is None:
        yield Place(f"{here}/on_expiry", "has no effect without voucher_valid")


def _early_days(here: str, reward: Reward, known: set[str]) -> Iterator[Place]:
    named = {*reward.levels, *reward.memberships}
    if reward.early_days and reward.starts is None:
        yield Place(f"{here}/early_days", "has no effect without from")
    for level in sorted(reward.early_days or {}):
        if level not in known or (named and level not in named):
            yield Place(f"{here}/early_days/{level}", "must be a level or a membership that may have the reward")
