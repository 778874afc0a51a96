"""What a replay under other rules (ruleset_replay.py) needs of events: which bonuses of the calendar only those rules bring, and
what members had of limited rules before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from token_service.ledger.tables import campaign_budgets, campaign_uses, members, operations
from token_service.program.calendar_events import calendar_events
from token_service.program.events import ANNIVERSARY, BIRTHDAY, JOINED, RuleUse, rules_for
from token_service.program.ruleset import Ruleset
from token_service.program.schedules import schedule_of
from token_service.program.schema import SCHEDULED
from token_service.program.told import Occurred, Person

OF_THE_CALENDAR = (JOINED, BIRTHDAY, ANNIVERSARY)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The other rules, with only those welcomes, birthdays, anniversaries and schedules that the rules in force do not have as
    they are: nothing was recorded of them, so they come anew. Of all others, what was recorded is decided again.
    """

    only_new: Ruleset

    def replaces(self, event: str, subject: str | None) -> bool:
        """Whether a recorded event is one that comes anew."""
        return event == SCHEDULED and schedule_of(self.only_new, subject) is not None

    def due(
        self, people: Mapping[str, tuple[datetime, Person]], since: datetime, until: datetime
    ) -> dict[str, list[Occurred]]:
        """What falls due for these members in that time, by member, in order."""
        found: dict[str, list[Occurred]] = {}
        first_at = {name: joined_at for name, (joined_at, _) in people.items()}
        known = {name: person for name, (_, person) in people.items()}
        for one in calendar_events(self.only_new, first_at, known, since, until):
            found.setdefault(one.member, []).append(one)
        return {name: sorted(some, key=lambda one: one.occurred_at) for name, some in found.items()}


def new_calendar(really: Ruleset, other: Ruleset) -> Calendar:
    """What of the other rules' calendar the rules in force do not have."""
    earning = tuple(
        rule
        for rule in other.earning
        if (event := getattr(rule, "event", None)) in OF_THE_CALENDAR and not rules_for(really, str(event))
    )
    had = {one.id: (one.every, one.starts, one.until, one.when) for one in really.schedules}
    levels_stay = other.tiers == really.tiers
    schedules = tuple(
        one
        for one in other.schedules
        if had.get(one.id) != (one.every, one.starts, one.until, one.when) or not (one.when is None or levels_stay)
    )
    return Calendar(other.model_copy(update={"earning": earning, "schedules": schedules}))


def people_of(connection: Connection, member_ids: Sequence[str]) -> dict[str, tuple[datetime, Person]]:
    """When these members joined, and what the calendar asks of them."""
    columns = members.c
    query = select(columns.id, columns.created_at, columns.birth_date).where(columns.id.in_(member_ids))
    return {row.id: (row.created_at, Person(row.created_at, row.birth_date)) for row in connection.execute(query)}


def uses_of(connection: Connection, member_ids: Sequence[str]) -> dict[str, list[tuple[str, str, RuleUse]]]:
    """(operation, rule or campaign, use) of all that these members have of limited ones, by member, in order."""
    found: dict[str, list[tuple[str, str, RuleUse]]] = {}
    columns = campaign_uses.c
    query = select(campaign_uses).where(columns.member_id.in_(member_ids), columns.points > 0)
    for row in connection.execute(query.order_by(columns.occurred_at, columns.id)):
        use = RuleUse(row.occurred_at, row.subject)
        found.setdefault(row.member_id, []).append((row.operation_id, row.campaign_id, use))
    return found


def used_before(connection: Connection, since: datetime, first: int) -> dict[str, int]:
    """What budgets had given before the window (from an instant and a sequence on)."""
    done, uses = operations.c, campaign_uses.c
    inside = (
        select(uses.campaign_id, func.sum(uses.points))
        .join(operations, done.id == uses.operation_id)
        .where(done.occurred_at >= since, done.seq >= first)
        .group_by(uses.campaign_id)
    )
    given = {campaign_id: int(points) for campaign_id, points in connection.execute(inside)}
    budgets = select(campaign_budgets.c.campaign_id, campaign_budgets.c.used_points)
    return {budget_id: used - given.get(budget_id, 0) for budget_id, used in connection.execute(budgets)}
