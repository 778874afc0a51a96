"""Vouchers, as they are answered: to the member whose they are, and to a till that is shown one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from token_service.ledger.point_views import Money
from token_service.ledger.reward_views import RewardTerms


@dataclass(frozen=True, slots=True)
class UndoneVoucherUse:
    """A use that its merchant undid: `reference` named the use, `undone_reference` what undid it."""

    used_at: datetime
    used_by: str  # the merchant's name
    reference: str
    discount: Money | None
    undone_at: datetime
    undone_reference: str


@dataclass(frozen=True, slots=True)
class Voucher:
    """A reward bought in the wallet or won by a challenge, as its member sees it. `state`: open, used, cancelled, expired; `code`
    only while it is open.
    """

    id: str
    created_at: datetime
    redemption_id: str | None  # None: a challenge gave it
    entry_id: str | None  # the redemption's line in the statement
    reward_id: str
    ruleset: str
    points: int
    state: str
    code: str | None = field(repr=False)
    used_at: datetime | None
    used_by: str | None  # the merchant's name
    discount: Money | None  # what came off the order that it was used for; None: no money, or no order was said
    cancelled_at: datetime | None
    expires_at: datetime | None  # from when on it buys nothing any more; None: it has no end
    undone: tuple[UndoneVoucherUse, ...] = ()  # uses that a shop took back, in that order


@dataclass(frozen=True, slots=True)
class ShownVoucher:
    """A voucher as the till sees it that was shown its code: nothing of the member, nor of another merchant."""

    id: str
    created_at: datetime
    state: str
    reward_id: str
    reward_name: Mapping[str, str]  # by language; may be empty
    points: int
    value: Money  # by the ruleset's point value, rounded down
    used_at: datetime | None
    expires_at: datetime | None
    reference: str | None  # of the asking merchant's own use
    discount: Money | None  # what came off then, to that merchant as well
    terms: RewardTerms
    undone: tuple[UndoneVoucherUse, ...] = ()  # the asking merchant's own uses that it undid, in that order


@dataclass(frozen=True, slots=True)
class VoucherCheck:
    """The voucher, what it would take off the order, and the refusal that using it would meet: its code, sentence and facts;
    `refusal` None: it would not.
    """

    voucher: ShownVoucher
    discount: Money | None = None
    refusal: str | None = None
    detail: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VoucherUse:
    """The voucher that was used. `replayed`: it was before, under the same reference."""

    voucher: ShownVoucher
    replayed: bool


@dataclass(frozen=True, slots=True)
class VoucherReversal:
    """What undid a use: `use_reference` named that use, `used_at` says when it was, `discount` what had come off the order."""

    id: str
    created_at: datetime
    reference: str
    merchant_id: str
    voucher_id: str
    reward_id: str
    use_reference: str
    used_at: datetime
    discount: Money | None
    reason: str | None
    ruleset: str


@dataclass(frozen=True, slots=True)
class VoucherReversalOutcome:
    """What undid a use, and whether it was recorded before."""

    reversal: VoucherReversal
    replayed: bool
