"""What a ruleset says of orders that wait for their delivery, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from token_service.pages import formats
from token_service.pages.translation import gettext
from token_service.program.ruleset import Ruleset


def delivery_in_words(ruleset: Ruleset) -> Iterator[str]:
    """Which purchases wait, and what becomes of one of which no delivery is told."""
    told = ruleset.delivery
    if told is None:
        return
    which = gettext("For some purchases this is counted from the delivery.")
    if told.channels is not None:
        names = ", ".join(f"“{one}”" for one in told.channels)
        which = gettext("For purchases of the channels %(names)s this is counted from the delivery.", names=names)
    if told.merchants is not None:
        shops = ", ".join(told.merchants)
        which += " " + gettext("Only those of these shops wait for it: %(shops)s.", shops=shops)
    yield which
    period = formats.lasting(told.within)
    if told.otherwise == "lapse":
        yield gettext(
            "Where no delivery is told within %(period)s after the purchase, its points do not come.", period=period
        )
    else:
        yield gettext(
            "Where no delivery is told within %(period)s after the purchase, it is counted from then.", period=period
        )
