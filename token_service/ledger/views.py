"""What use cases answer: frozen pictures of ledger objects whose fields have the names of API.md.

Times are aware UTC datetimes, points whole numbers, money `Money`. The api room turns them into JSON and adds `object`;
the pages room reads them as they are. Nothing here is a row and nothing changes after it was answered.
"""

from __future__ import annotations

from token_service.ledger.benefit_views import Benefit, BenefitUsed, UseOutcome
from token_service.ledger.cause_views import Cause, Donation
from token_service.ledger.challenge_views import Badge, ChallengeStanding, Completed
from token_service.ledger.hold_views import Hold
from token_service.ledger.import_views import Import
from token_service.ledger.membership_views import Membership, MembershipTotal
from token_service.ledger.point_views import (
    Adjustment,
    Balance,
    BatchOutcome,
    BreakdownLine,
    DueReport,
    EntryView,
    Event,
    ExpiringPoints,
    Issuance,
    Lifetime,
    Member,
    Money,
    NextTier,
    OnChain,
    Outcome,
    Page,
    PromiseView,
    Purchase,
    PurchaseItem,
    Redemption,
    Refund,
    RefundItem,
    Reversal,
    Settlement,
    Simulation,
    StuckAwards,
)
from token_service.ledger.program_views import (
    ApiKey,
    Ceiling,
    Merchant,
    NewApiKeyView,
    Program,
    ProgramBooks,
    ProgramTotals,
    RulesetView,
    Store,
)
from token_service.ledger.proposal_views import Proposal
from token_service.ledger.receipt_views import (
    BatchView,
    LeafView,
    Receipt,
)
from token_service.ledger.referral_views import Invitation, Referral
from token_service.ledger.reward_views import DiscountTerms, RewardStanding, RewardTerms
from token_service.ledger.standing_views import Renewal, StandingOrder
from token_service.ledger.tier_views import TierDowngrade, TierStanding
from token_service.ledger.user_views import DataChange, User, UserChange
from token_service.ledger.voucher_views import (
    ShownVoucher,
    UndoneVoucherUse,
    Voucher,
    VoucherCheck,
    VoucherReversal,
    VoucherReversalOutcome,
    VoucherUse,
)
from token_service.ledger.wallet_views import Mandate

__all__ = [
    "Adjustment",
    "ApiKey",
    "Badge",
    "Balance",
    "BatchOutcome",
    "BatchView",
    "Benefit",
    "BenefitUsed",
    "BreakdownLine",
    "Cause",
    "Ceiling",
    "ChallengeStanding",
    "Completed",
    "DataChange",
    "DiscountTerms",
    "Donation",
    "DueReport",
    "EntryView",
    "Event",
    "ExpiringPoints",
    "Hold",
    "Import",
    "Invitation",
    "Issuance",
    "LeafView",
    "Lifetime",
    "Mandate",
    "Member",
    "Membership",
    "MembershipTotal",
    "Merchant",
    "Money",
    "NewApiKeyView",
    "NextTier",
    "OnChain",
    "Outcome",
    "Page",
    "Program",
    "ProgramBooks",
    "ProgramTotals",
    "PromiseView",
    "Proposal",
    "Purchase",
    "PurchaseItem",
    "Receipt",
    "Redemption",
    "Referral",
    "Refund",
    "RefundItem",
    "Renewal",
    "Reversal",
    "RewardStanding",
    "RewardTerms",
    "RulesetView",
    "Settlement",
    "ShownVoucher",
    "Simulation",
    "StandingOrder",
    "Store",
    "StuckAwards",
    "TierDowngrade",
    "TierStanding",
    "UndoneVoucherUse",
    "UseOutcome",
    "User",
    "UserChange",
    "Voucher",
    "VoucherCheck",
    "VoucherReversal",
    "VoucherReversalOutcome",
    "VoucherUse",
]
