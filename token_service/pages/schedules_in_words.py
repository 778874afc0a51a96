"""What comes by the calendar, in plain words."""

from __future__ import annotations

from token_service.pages import formats
from token_service.pages.breakdown import own_name
from token_service.pages.translation import ngettext
from token_service.program.schema import Schedule


def schedule_in_words(one: Schedule) -> str:
    """Its name, what it gives and when, as a sentence."""
    named = {"name": own_name(one), "points": formats.number(one.points)}
    if one.every == "week":
        said = ngettext(
            "%(name)s: %(points)s point every Monday.", "%(name)s: %(points)s points every Monday.", one.points, **named
        )
    elif one.every == "month":
        said = ngettext(
            "%(name)s: %(points)s point on the first day of each month.",
            "%(name)s: %(points)s points on the first day of each month.",
            one.points,
            **named,
        )
    elif one.every == "quarter":
        said = ngettext(
            "%(name)s: %(points)s point on the first day of each quarter.",
            "%(name)s: %(points)s points on the first day of each quarter.",
            one.points,
            **named,
        )
    else:
        said = ngettext(
            "%(name)s: %(points)s point on the first day of each year.",
            "%(name)s: %(points)s points on the first day of each year.",
            one.points,
            **named,
        )
    return said
