"""The caller's move, and the rules say why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from token_service.errors.caller import CallerError


class Refused(CallerError):
    """The rules or the balance forbid it; `facts` say what is missing."""

    code = "refused"
    title = "Refused by the programme's rules"
    write_down: Callable[[Any], None] | None = None
    """What the ledger writes of it, given a connection, once everything that was asked for is rolled back."""


class InsufficientBalance(Refused):
    """Fewer points available than asked; facts: `available`, `missing_points`."""

    code = "insufficient_balance"
    title = "Not enough points"


class LimitExceeded(Refused):
    """A limit of the ruleset would be passed; facts: `key`, `limit`, `remaining`; of spending `reason` and what is missing."""

    code = "limit_exceeded"
    title = "A limit of the programme would be exceeded"


class ApprovalNeeded(Refused):
    """So large an adjustment needs a second person (propose it), a publication one who did not draft it; facts: `limit`."""

    code = "approval_needed"
    title = "A second person must approve this"


class MemberFrozen(Refused):
    """The member is frozen until a person decides."""

    code = "member_frozen"
    title = "The member is frozen"


class MemberLeaving(Refused):
    """The member is leaving with their points; no new debits."""

    code = "member_leaving"
    title = "The member is leaving"


class OwnCard(Refused):
    """Staff may not move the points of a card that is their own: somebody else of the staff does it."""

    code = "own_card"
    title = "This is your own card"


class ProgramPaused(Refused):
    """The contract is paused."""

    code = "program_paused"
    title = "The program is paused"


class AfterSunset(Refused):
    """The program has ended: nothing is issued any more."""

    code = "after_sunset"
    title = "The program has ended"


class CeilingReached(Refused):
    """The merchant's on-chain ceiling leaves no room; facts: `ceiling`, `remaining`, `available_at`."""

    code = "ceiling_reached"
    title = "The merchant's ceiling is reached"


class RefundExceedsPurchase(Refused):
    """More would be refunded than was bought; facts: `refundable`."""

    code = "refund_exceeds_purchase"
    title = "The refund exceeds the purchase"


class TotalMismatch(Refused):
    """Lines, shipping and discount do not add up to the total; facts: `total`, `computed`."""

    code = "total_mismatch"
    title = "The lines do not add up to the total"


class WrongCurrency(Refused):
    """Money in another currency than the program's; facts: `expected`."""

    code = "wrong_currency"
    title = "Wrong currency"


class TooLate(Refused):
    """The fact lies further back than the ruleset's `accept_late`; facts: `accepted_since`."""

    code = "too_late"
    title = "Too late to record this"


class DeliveryNotAwaited(Refused):
    """Nothing of the purchase waits for its delivery, or no longer; facts: `reason`, and `delivery_by` where that is over."""

    code = "delivery_not_awaited"
    title = "No delivery is waited for"


class HoldExpired(Refused):
    """The hold has expired and its points are free again."""

    code = "hold_expired"
    title = "The hold has expired"


class RewardUnavailable(Refused):
    """No such reward in the ruleset in force, or not for this member or this order now; facts: `reason`, and what is missing."""

    code = "reward_unavailable"
    title = "This reward is not available"


class VoucherUsed(Refused):
    """A voucher buys its reward once; facts: `used_at`, and `merchant_id` and `reference` of that use to its own merchant."""

    code = "voucher_used"
    title = "The voucher was used before"


class VoucherNotUsed(Refused):
    """There is no use of the voucher to undo."""

    code = "voucher_not_used"
    title = "The voucher was not used"


class VoucherCancelled(Refused):
    """The points of the voucher were given back; facts: `cancelled_at`."""

    code = "voucher_cancelled"
    title = "The voucher was given back"


class VoucherExpired(Refused):
    """The time that its rules gave the voucher is over: it buys nothing, and a use is not undone; facts: `expired_at`."""

    code = "voucher_expired"
    title = "The voucher's time is over"


class TierNeeded(Refused):
    """The benefit comes with another level; facts: `tier` and what is `missing` to it, `memberships` that have it as well."""

    code = "tier_needed"
    title = "The benefit needs another level"


class MembershipNeeded(Refused):
    """The benefit comes with a paid membership; facts: `memberships`, of which one is needed."""

    code = "membership_needed"
    title = "The benefit needs a membership"


class CampaignNeeded(Refused):
    """The benefit comes with a campaign that is not on, or not for this member; facts: `campaigns`."""

    code = "campaign_needed"
    title = "The benefit comes with an offer that is not on"


class BenefitUsedUp(Refused):
    """The benefit was used as often as it may be; facts: `times`, `every`, `used`, and when the next use is free, `next_at`."""

    code = "used_up"
    title = "The benefit is used up"
