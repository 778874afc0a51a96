"""Contradictions between what campaigns and challenges give and the limits of it (ruleset_check.py has the rest)."""

from __future__ import annotations

from collections.abc import Container, Iterator

from token_service.errors import Place
from token_service.program.award_schema import BadgeAward, GiftAward, VoucherAward
from token_service.program.challenge_schema import Challenge
from token_service.program.schema import Campaign, Ruleset


def gift_mistakes(here: str, ruleset: Ruleset, campaign: Campaign, award: GiftAward) -> Iterator[Place]:
    """A campaign that gives a voucher or a badge."""
    if isinstance(award, VoucherAward) and award.voucher not in {reward.id for reward in ruleset.rewards}:
        yield Place(f"{here}/award/voucher", "must be the id of a reward")
    if campaign.limits is None:
        return
    for name in sorted(campaign.limits.model_fields_set & {"budget_points", "budget_amount"}):
        yield Place(f"{here}/limits/{name}", "has no effect on a voucher or a badge, which is no points")
    per_member = campaign.limits.per_member
    if per_member is not None and isinstance(award, BadgeAward):
        yield Place(f"{here}/limits/per_member", "has no effect on a badge, which each member gets once")
    if campaign.limits.budget_vouchers is not None and isinstance(award, BadgeAward):
        yield Place(f"{here}/limits/budget_vouchers", "has no effect on a badge, which is no voucher")


def no_vouchers(pointer: str, campaign: Campaign) -> Iterator[Place]:
    """A budget of vouchers where there are none."""
    limits = campaign.limits
    if limits is not None and limits.budget_vouchers is not None and not isinstance(campaign.award, GiftAward):
        yield Place(f"{pointer}/budget_vouchers", "has no effect: the campaign gives no voucher")


def challenge_limit_mistakes(here: str, challenge: Challenge) -> Iterator[Place]:
    """Limits that a challenge's award does not have."""
    limits, award = challenge.limits, challenge.award
    if limits is None:
        return
    if award.points is None and award.reward is None:
        yield Place(f"{here}/limits", "has no effect on a badge, which each member gets once")
        return
    given = limits.model_fields_set
    if award.reward is None and "budget_vouchers" in given:
        yield Place(f"{here}/limits/budget_vouchers", "has no effect: the challenge gives no voucher")
    for name in sorted(given & {"budget_points", "budget_amount"}) if award.reward is not None else ():
        yield Place(f"{here}/limits/{name}", "has no effect on vouchers, which budget_vouchers bounds")
    if "per_member" in given and challenge.repeat == "once" and challenge.period is None:
        yield Place(f"{here}/limits/per_member", "has no effect on a challenge that each member completes once")


def counted_twice(ruleset: Ruleset, others: Container[str]) -> Iterator[Place]:
    """What a limited challenge gave is counted under its id, as with campaigns and rules."""
    for index, challenge in enumerate(ruleset.challenges):
        if challenge.limits is not None and challenge.id in others:
            yield Place(
                f"/challenges/{index}/id", "must be an id that no rule, campaign or schedule has: it has limits"
            )
