"""Benefits: each use must have been granted then and within its limit, counted from the account's own uses; each is taken back
once at most.
"""

from __future__ import annotations

from typing import Final

from token_service.audit.accounts.account import Operation
from token_service.audit.accounts.awards import check_surroundings
from token_service.audit.accounts.step import Step
from token_service.audit.report import printable
from token_service.errors import BenefitUsedUp, NotFound, Refused
from token_service.program.benefit_facts import UseFacts
from token_service.program.benefit_grants import Holder
from token_service.program.benefits import decide_use
from token_service.program.tiers import standing_at

USE: Final = "benefit_use"


def used(step: Step) -> None:
    """A member used a benefit."""
    leaf, account = step.leaf, step.account
    step.check_open()
    if account.is_frozen:
        step.differs("benefits", "a frozen member uses a benefit", expected="nothing", found=leaf.id)
    ruleset, facts = step.ruleset(), UseFacts.from_json(leaf.mapping("facts"))
    step.same("history", "the time of the use of a benefit", leaf.recorded_at, facts.occurred_at)
    check_surroundings(step, ruleset, facts)
    uses = {benefit: list(found.values()) for benefit, found in account.benefits.items()}
    standing = standing_at(ruleset, account.history.values(), facts.occurred_at)
    periods = tuple(account.periods.values()) if ruleset.memberships else ()
    holder = Holder(facts.occurred_at, facts.local, facts.member, standing, periods, uses)
    _check_granted(step, facts.benefit, holder)
    operation_id = leaf.text_of("operation_id")
    account.benefits.setdefault(facts.benefit, {})[operation_id] = facts.occurred_at
    merchant, party = leaf.text_of("merchant"), leaf.party
    step.storage.put_operation(Operation(operation_id, account.home, USE, leaf.ruleset, merchant, party, facts.benefit))


def taken_back(step: Step) -> None:
    """A use counts no more."""
    operation = step.parent("benefits", (USE,), "the use of a benefit that is taken back was not made")
    if operation.is_void:
        step.differs("benefits", "the use of a benefit is taken back twice", expected="once", found=operation.id)
    step.same("benefits", "the merchant that takes a use back", operation.merchant, step.leaf.text_of("merchant"))
    step.account.benefits.get(operation.text, {}).pop(operation.id, None)
    operation.is_void = True
    step.storage.put_operation(operation)


def _check_granted(step: Step, benefit: str, holder: Holder) -> None:
    """What the rules say to the use, by this account's history, must be what the leaf says."""
    told, named = dict(step.leaf.mapping("decision")), printable(benefit)
    try:
        right = decide_use(step.ruleset(), holder, benefit).to_json()
    except BenefitUsedUp as refusal:
        most, every = refusal.facts["times"], refusal.facts["every"]
        expected = f"at most {most}" + (f" in {every}" if every else "")
        detail = f"the benefit {named} is used beyond its limit"
        step.differs("benefits", detail, expected=expected, found=f"{refusal.facts['used']} before this one")
        return
    except (NotFound, Refused) as refusal:
        detail = f"the benefit {named} is used and nothing grants it"
        step.differs("benefits", detail, expected=refusal.code, found=printable(told.get("granted_by")))
        return
    step.same("benefits", f"what grants the benefit {named}, and what is left of it", right, told)
