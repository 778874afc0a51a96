"""When a voucher ends that nobody used, and whether its points come back then (docs/rulesets.md "Vouchers with an end").

The rules under which it was bought or won say it for ever: later ones change no voucher that somebody has.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from token_service.program.durations import add
from token_service.program.schema import Reward, Ruleset

GIVE_BACK: Final = "give_back"


def voucher_ends_at(ruleset: Ruleset, reward: Reward, created_at: datetime) -> datetime | None:
    """The first instant at which the voucher buys nothing any more; None: it has no end."""
    return None if reward.voucher_valid is None else add(created_at, reward.voucher_valid, ruleset.program.time_zone)
