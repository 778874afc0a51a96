"""What a history cannot tell a simulation, in plain sentences: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Iterator

from token_service.cli.output import number
from token_service.cli.purchase_csv import ToldHistory
from token_service.program.action_schema import REFERRED
from token_service.program.calendar_events import pays_for
from token_service.program.events import ANNIVERSARY, BIRTHDAY, INVITED, JOINED, needs_earned_points
from token_service.program.ruleset import Ruleset
from token_service.program.told import Bought, Occurred
from token_service.program.what_if import Outcome


def unknown_to(ruleset: Ruleset, told: ToldHistory) -> Iterator[str]:
    """What these rules ask for that the history does not say, a sentence each."""
    members = {one.member for one in told.things}
    seen = {one.event for one in told.things if isinstance(one, Occurred)}
    yield from _of_members(ruleset, told, members)
    missing = sorted(_asked(ruleset) - seen)
    if missing:
        yield f"events of these types, of which the history has none: {', '.join(missing)}."
    if any(getattr(rule, "once_per", None) == "person" for rule in ruleset.earning):
        yield "who has two cards: what each person gets once is given to each member once."
    if needs_earned_points(ruleset):
        yield "what friends' first purchases earned: whoever invited them is given no share of it."
    if ruleset.memberships:
        yield "memberships: nobody holds one, so neither their points nor what they multiply or open is counted."
    if ruleset.segments and not any(one.segments for one in told.people.values()):
        yield "segments: nobody is in one (no segments), so what is for them only is not given."
    if any(isinstance(one, Bought) for one in told.things):
        yield "refunds: every purchase is kept whole."


def _of_members(ruleset: Ruleset, told: ToldHistory, members: set[str]) -> Iterator[str]:
    people = [told.people.get(one) for one in sorted(members)]
    no_date = sum(one is None or one.joined_at is None for one in people)
    if no_date:
        asked = [
            what for what, event in (("welcome", JOINED), ("anniversary", ANNIVERSARY)) if pays_for(ruleset, event)
        ]
        so = f"; no {' or '.join(asked)} is given them" if asked else ""
        yield f"when {_members(no_date)} joined (no joined_at): their first row counts as that day{so}."
    unborn = sum(one is None or one.birth_date is None for one in people)
    if unborn and pays_for(ruleset, BIRTHDAY):
        yield f"the birthdays of {_members(unborn)} (no birth_date)."


def _asked(ruleset: Ruleset) -> set[str]:
    """Types of events that the rules pay for and that only a history can tell."""
    types = {str(rule.event) for rule in ruleset.earning if hasattr(rule, "event")}
    types |= {str(getattr(one.count, "event", "")) for one in ruleset.challenges} - {""}
    return {one for one in types if not one.startswith("member.") or one in (REFERRED, INVITED)}


def _members(count: int) -> str:
    return f"{number(count)} member{'' if count == 1 else 's'}"


def uncosted_said(before: Outcome, after: Outcome) -> Iterator[str]:
    """The vouchers that the cost leaves out, on both sides."""
    for reward in sorted(before.uncosted.keys() | after.uncosted.keys()):
        old, new = before.uncosted.get(reward, 0), after.uncosted.get(reward, 0)
        yield (
            f"the cost of vouchers for {reward}, which the rules don't declare: "
            f"{number(old)} in force, {number(new)} under the draft."
        )
