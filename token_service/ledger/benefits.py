"""Whether a member may use a benefit now, and why: one call for the till, the shop, the door."""

from __future__ import annotations

from token_service.errors import NotFound
from token_service.ledger import views
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.membership_rows import held
from token_service.ledger.tiers import standing_of
from token_service.ledger.transaction import Transaction, read
from token_service.program.benefits import BenefitStanding, benefits_of


def list_benefits(context: Context, actor: Actor, member_id: str) -> tuple[views.Benefit, ...]:
    """Every benefit of the rules in force as it stands for the member now. Raises NotFound."""
    return read(context, lambda tx: _benefits(tx, actor, member_id))


def get_benefit(context: Context, actor: Actor, member_id: str, benefit_id: str) -> views.Benefit:
    """One of them. Raises NotFound, also for a benefit that the rules in force don't have."""
    found = (benefit for benefit in list_benefits(context, actor, member_id) if benefit.id == benefit_id)
    benefit = next(found, None)
    if benefit is None:
        raise NotFound("the rules in force have no such benefit")
    return benefit


def _benefits(tx: Transaction, actor: Actor, member_id: str) -> tuple[views.Benefit, ...]:
    account = visible_account(tx, actor, member_id)
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    may_use = account.state != "closed" and not account.frozen
    return tuple(
        views.Benefit(
            id=one.id,
            granted=one.is_granted and may_use,
            reason=_reason(one, may_use=may_use),
            tier=one.tier,
            until=one.until,
            membership=one.membership,
            needs_memberships=one.needs_memberships,
            needs=None if one.needs_tier is None else views.NextTier(one.needs_tier, one.missing or 0),
        )
        for one in benefits_of(ruleset, standing_of(tx, account), held(tx, account, tx.now))
    )


def _reason(one: BenefitStanding, *, may_use: bool) -> str:
    if not may_use:
        return "member_frozen"
    if one.is_granted:
        return "tier" if one.membership is None else "membership"
    return "membership_needed" if one.needs_memberships and one.needs_tier is None else "tier_needed"
