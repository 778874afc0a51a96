"""A member's level with what is ahead of it: the way up, the step down if they do nothing, and the level that comes next."""

from __future__ import annotations

from token_service.errors import NotFound
from token_service.ledger import views
from token_service.ledger.balances import visible_account
from token_service.ledger.context import Actor, Context
from token_service.ledger.purchase_facts import history
from token_service.ledger.transaction import Transaction, read
from token_service.program.tier_outlook import Version, downgrade_ahead, kept_from, projected
from token_service.program.tiers import measures_at, standing_at


def get_tier(context: Context, actor: Actor, member_id: str) -> views.TierStanding:
    """The member's level now, the next one, and the next step down. Raises NotFound, also where the rules have no levels."""

    def work(tx: Transaction) -> views.TierStanding:
        account = visible_account(tx, actor, member_id)
        versions = _versions(tx)
        ruleset = versions[0].rules
        if ruleset.tiers is None:
            raise NotFound("the rules in force have no levels")
        entries = tuple(history(tx, account).values())
        standing = standing_at(ruleset, entries, tx.now)
        ahead = downgrade_ahead(ruleset, entries, tx.now)
        return views.TierStanding(
            member_id=account.id,
            tier=standing.tier,
            qualify_by=ruleset.tiers.qualify_by,
            figure=standing.figure,
            measures=measures_at(ruleset, entries, tx.now),
            keep=kept_from(ruleset, standing.tier),
            next_tier=None
            if standing.next_tier is None
            else views.NextTier(id=standing.next_tier, missing=standing.missing or 0),
            keeps_until=standing.keeps_until,
            downgrade=None if ahead is None else views.TierDowngrade(ahead.to, ahead.at, ahead.missing),
            projected=projected(versions, entries, tx.now),
        )

    return read(context, work)


def _versions(tx: Transaction) -> tuple[Version, ...]:
    """The rules in force, and those that follow."""
    dated = ((tx.now, tx.ruleset_hash_at(tx.now)), *tx.rules_ahead())
    return tuple(Version(since, hash_, tx.ruleset(hash_)) for since, hash_ in dated)
