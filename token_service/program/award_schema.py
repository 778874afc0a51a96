"""What a campaign gives, as a ruleset writes it (docs/rulesets.md "campaigns")."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from token_service.program.expiry_schema import AwardExpiry
from token_service.program.schema_values import (
    LIST_MAX,
    Basis,
    Identifier,
    Part,
    Percent,
    PositiveAmount,
    Rounding,
    Word,
)


class MatchingLines(Part):
    """The lines of a basket that an award is for: those of a SKU or of a category that is named."""

    skus: Annotated[tuple[Word, ...], Field(max_length=LIST_MAX)] = ()
    categories: Annotated[tuple[Word, ...], Field(max_length=LIST_MAX)] = ()


class BonusAward(Part):
    """`points`; with `per`, for every `per` minor units of the order or of the lines that match, rounded once."""

    points: PositiveAmount
    per: PositiveAmount | None = None
    basis: Basis = "gross"
    rounding: Rounding = "floor"
    items: MatchingLines | None = None
    expiry: AwardExpiry | None = None


class MultiplierAward(Part):
    """Multiplies what the purchase earns, or only what the lines that match earn of it."""

    multiplier_percent: Percent
    items: MatchingLines | None = None
    expiry: AwardExpiry | None = None


class BenefitAward(Part):
    """No points: members on whom `when` holds may use a benefit while the campaign lasts."""

    benefit: Identifier


class VoucherAward(Part):
    """No points: a voucher for a reward, with each purchase on which the campaign holds."""

    voucher: Identifier


class BadgeAward(Part):
    """No points: a badge, once, with the first purchase on which the campaign holds."""

    badge: Literal[True]


PurchaseAward = BonusAward | MultiplierAward
"""What changes the points of a purchase."""
GiftAward = VoucherAward | BadgeAward
_AWARDS = {
    "points": "bonus",
    "multiplier_percent": "multiplier",
    "benefit": "benefit",
    "voucher": "voucher",
    "badge": "badge",
}


def _award_kind(value: Any) -> str | None:
    keys = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    return next((kind for key, kind in _AWARDS.items() if key in keys), None)


CampaignAward = Annotated[
    Annotated[BonusAward, Tag("bonus")]
    | Annotated[MultiplierAward, Tag("multiplier")]
    | Annotated[BenefitAward, Tag("benefit")]
    | Annotated[VoucherAward, Tag("voucher")]
    | Annotated[BadgeAward, Tag("badge")],
    Discriminator(
        _award_kind,
        custom_error_type="award_kind",
        custom_error_message="must have points, multiplier_percent, benefit, voucher or badge",
    ),
]
