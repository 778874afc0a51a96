"""Points given to causes: what they are worth there, the cause's public name, what the rules bound, and the price of a reward."""

from __future__ import annotations

from token_service.audit.accounts.memberships import whose
from token_service.audit.accounts.prices import has_price
from token_service.audit.accounts.step import Step
from token_service.errors import RewardUnavailable
from token_service.program.donations import Given, donation_bound, donation_reward, given_value
from token_service.program.rewards import closed
from token_service.program.ruleset import Ruleset
from token_service.program.spending_limits import Spent


def check(step: Step, ruleset: Ruleset) -> None:
    """Notes a finding where the rules did not allow to give so many points to this cause then, or they were worth another sum."""
    leaf = step.leaf
    step.same("rewards", "the value of the points", given_value(ruleset, leaf.amount), leaf.whole("value"))
    cause, reward = leaf.text_of("cause_name"), leaf.detail.get("reward")
    if step.party_name:  # a cause's number may be used before its name is on the chain
        step.same("rewards", "the public name of the cause", step.party_name, cause)
    if reward is not None:
        _check_reward(step, ruleset, str(reward), cause)
    given = Given(leaf.amount, cause, is_amount=reward is None)
    bound = donation_bound(ruleset, given, before=step.account.given.values(), at=leaf.recorded_at)
    if bound is not None:
        said = f"points were given against {bound.key}"
        step.differs("rewards", said, expected=str(bound.facts), found=leaf.amount)


def count(step: Step, id_: str) -> None:
    """Remembers a gift."""
    step.account.given[id_] = Spent(step.leaf.recorded_at, step.leaf.amount)


def _check_reward(step: Step, ruleset: Ruleset, reward_id: str, cause: str) -> None:
    leaf = step.leaf
    try:
        reward = donation_reward(ruleset, reward_id)
    except RewardUnavailable:
        said = f"the reward {reward_id} gives to no cause by the rules"
        step.differs("rewards", said, expected="no such reward", found=leaf.amount)
        return
    step.same("rewards", "the cause of the reward", reward.cause, cause)
    if not has_price(step, reward, step.account.tier, leaf.amount):
        return
    why_not = closed(ruleset, reward, whose(step.account, step), leaf.occurred_at)
    if why_not is not None and step.account.is_tier_known:
        said = f"the reward {reward_id} was closed to this account"
        step.differs("rewards", said, expected=str(why_not.facts), found="given")
