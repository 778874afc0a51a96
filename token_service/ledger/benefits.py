"""Whether a member may use a benefit now, and why: one call for the till, the shop, the door."""

from __future__ import annotations

from token_service.errors import NotFound, Refused
from token_service.ledger import views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import visible_account
from token_service.ledger.benefit_rows import standing_uses
from token_service.ledger.context import Actor, Context
from token_service.ledger.event_awards import surroundings
from token_service.ledger.membership_rows import periods_of
from token_service.ledger.operations import active_refusal
from token_service.ledger.tiers import standing_of
from token_service.ledger.transaction import Transaction, read
from token_service.program.benefit_grants import Holder
from token_service.program.benefits import BenefitStanding, benefits_of
from token_service.program.ruleset import Ruleset


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


def holder_of(tx: Transaction, account: Account, ruleset: Ruleset) -> Holder:
    """The member as the rules see them now."""
    member, local = surroundings(tx, account, ruleset, tx.now)
    periods = tuple(periods_of(tx, account).values()) if ruleset.memberships else ()
    return Holder(tx.now, local, member, standing_of(tx, account), periods, standing_uses(tx, account))


def _benefits(tx: Transaction, actor: Actor, member_id: str) -> tuple[views.Benefit, ...]:
    account = visible_account(tx, actor, member_id)
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    barred = active_refusal(account)
    return tuple(_view(one, barred) for one in benefits_of(ruleset, holder_of(tx, account, ruleset)))


def _view(one: BenefitStanding, barred: Refused | None) -> views.Benefit:
    return views.Benefit(
        id=one.id,
        granted=one.is_granted and not one.is_used_up and barred is None,
        reason=one.reason if barred is None else barred.code,
        tier=one.tier,
        until=one.until,
        membership=one.membership,
        needs_memberships=one.needs_memberships,
        campaign=one.campaign,
        needs_campaigns=one.needs_campaigns,
        needs=None if one.needs_tier is None else views.NextTier(one.needs_tier, one.missing or 0),
        times=one.times,
        every=one.every,
        used=one.used,
        left=one.left,
        next_at=one.next_at,
    )
