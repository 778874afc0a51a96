"""Which rewards a member may have now, and why not the others: the level or membership that is needed, dates, stock,
the account, a pause, points.

What stands in the way of the reward itself is said first, then what stands in the way of spending at all, then the limits on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from token_service.ledger import stored_lots, views
from token_service.ledger.accounts import Account
from token_service.ledger.balances import visible_account
from token_service.ledger.causes import open_cause_named
from token_service.ledger.context import Actor, Context
from token_service.ledger.redemptions import spending_refusal
from token_service.ledger.reward_terms import terms_of
from token_service.ledger.reward_uses import whose
from token_service.ledger.spendings import given_by
from token_service.ledger.stock import pieces_left
from token_service.ledger.transaction import Transaction, read
from token_service.program import lots as engine
from token_service.program.donations import Given, donation_bound
from token_service.program.rewards import DONATION, Whose, closed, price
from token_service.program.schema import Reward
from token_service.program.spending_limits import Bound, Spent, spending_bound


def list_reward_standings(context: Context, actor: Actor, member_id: str) -> tuple[views.RewardStanding, ...]:
    """Every reward of the rules in force as it stands for the member, in the rules' order. Raises NotFound."""
    return read(context, lambda tx: _standings(tx, visible_account(tx, actor, member_id)))


def _standings(tx: Transaction, account: Account) -> tuple[views.RewardStanding, ...]:
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    usable = engine.available(stored_lots.open_lots(tx, account), stored_lots.consumption_time(tx))
    member, left = whose(tx, account), pieces_left(tx)
    barred, given = spending_refusal(tx, account), given_by(tx, account)
    found = []
    for reward in ruleset.rewards:
        why_not = closed(ruleset, reward, member, tx.now)
        facts = {} if why_not is None else why_not.facts
        if not facts and left.get(reward.id) == 0:
            facts = {"reason": "sold_out"}
        if not facts and barred is not None:
            facts = {"reason": barred.code, **barred.facts}
        points = price(reward, member.tier)
        if not facts and reward.kind == DONATION and open_cause_named(tx, reward.cause or "") is None:
            facts = {"reason": "cause_closed", "cause": reward.cause}
        if not facts and points <= usable:
            bound = _bound(tx, reward, points, member, given)
            facts = {} if bound is None else bound.facts
        missing = max(0, points - usable)
        found.append(
            views.RewardStanding(
                id=reward.id,
                kind=reward.kind,
                points=points,
                missing_points=missing,
                allowed=not facts and not missing,
                refusal=facts,
                pieces_left=left.get(reward.id),
                terms=terms_of(reward, tx.program.currency),
            )
        )
    return tuple(found)


def _bound(tx: Transaction, reward: Reward, points: int, member: Whose, given: Iterable[Spent]) -> Bound | None:
    """Which limit speaks against it: on gifts for one that gives, on spending for any other."""
    ruleset = tx.ruleset(tx.ruleset_hash_at(tx.now))
    if reward.kind != DONATION:
        return spending_bound(ruleset, points, is_amount=False, spent=member.spent, at=tx.now)
    return donation_bound(ruleset, Given(points, reward.cause or "", is_amount=False), before=given, at=tx.now)
