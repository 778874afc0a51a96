"""Purchases: the facts that were claimed against the account's own history, the award recomputed to the point, and awards that
wait for the end of their return window.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from token_service.audit.accounts import award_parts, campaigns, challenges, deliveries, payments
from token_service.audit.accounts.account import Closing, Operation
from token_service.audit.accounts.lots import said
from token_service.audit.accounts.opened import instant, opened_facts, whole
from token_service.audit.accounts.step import Step, Stop
from token_service.errors import TooLate
from token_service.program.award_expiry import own_expiries
from token_service.program.benefit_facts import UseFacts
from token_service.program.earning import Award, decide_purchase
from token_service.program.event_facts import EventFacts
from token_service.program.facts import LocalTime, PurchaseFacts, VisitFacts, age_days, local_time
from token_service.program.limits import recent_orders
from token_service.program.memberships import ids_at
from token_service.program.ruleset import Ruleset
from token_service.program.segments import declared
from token_service.program.tiers import qualification, tier_at
from token_service.program.visits import LastVisit, Visited, visit_of
from token_service.program.windows import check_not_too_late, wait_of

CLOCK_CHANGE: Final = timedelta(hours=1)
"""How far the local time of a fact may differ without being wrong: another version of the time zones may know another summer
time. It may also be a purchase of 23:30 that was moved to the next day, so it is said."""


def purchase(step: Step) -> None:
    """The first leaf of a purchase: its issuance, its pending award, or the fact that it earned nothing."""
    leaf, account = step.leaf, step.account
    if leaf.whole("part") != 1:
        if award_parts.follows(step):
            award_parts.further(step)
        else:
            mature(step)
        return
    step.check_open()
    step.check_decided_by(leaf.occurred_at)
    ruleset = step.ruleset()
    instant(leaf.mapping("facts").get("occurred_at"), "facts.occurred_at")  # a year that calendars know
    facts = PurchaseFacts.from_json(leaf.mapping("facts"))
    try:
        check_not_too_late(ruleset, leaf.occurred_at, leaf.recorded_at)
    except TooLate as late:
        until = said(datetime.fromisoformat(str(late.facts["accepted_until"])))
        step.differs("decisions", "a purchase was recorded too late", expected=until, found=said(leaf.recorded_at))
    _check_facts(step, ruleset, facts)
    campaigns.check_facts(step, ruleset, facts)
    award = decide_purchase(ruleset, facts)
    claimed = check_award(step, award)
    operation = Operation(
        leaf.text_of("operation_id"), account.home, "purchase", leaf.ruleset, facts.merchant, leaf.party,
        leaf.text, claimed, claimed,
    )  # fmt: skip
    payments.named(step, operation, facts)
    _start_award(step, ruleset, operation, facts, award, points=claimed)
    step.storage.put_operation(operation)
    campaigns.use(step, ruleset, operation.id, facts, award)
    challenges.count(step, ruleset, operation.id, facts)
    account.purchases += 1
    account.last_visit = account.visited[operation.id] = LastVisit(facts.local.date, facts.visit)
    account.day_points[facts.local.date] = account.day_points.get(facts.local.date, 0) + claimed
    account.history[operation.id] = qualification(facts, (), claimed)
    account.closing = Closing(leaf.recorded_at, leaf.occurred_at)


def _start_award(
    step: Step, ruleset: Ruleset, operation: Operation, facts: PurchaseFacts, award: Award, *, points: int
) -> None:
    """The award is issued at once, or waits for the end of the return window or a delivery; nothing is a fact."""
    leaf = step.leaf
    wait = wait_of(ruleset, facts)
    right = "purchase" if points == 0 else "award_pending" if wait.holds_back(leaf.recorded_at) else "issuance"
    if leaf.kind != right:
        detail = f"an award of {points} points that is due at {said(wait.due_at)} is recorded another way"
        step.differs("awards", detail, expected=right, found=leaf.kind)
    if leaf.kind == "issuance":
        award_parts.issue(step, operation, ruleset, award.breakdown, points)
    elif leaf.kind == "award_pending":
        step.account.pending[operation.id] = deliveries.begin(step, wait, points)


def mature(step: Step) -> None:
    """A pending award becomes its issuance: what is left of it, when it is due, under the facts of its purchase."""
    leaf = step.leaf
    operation = step.storage.operation(leaf.text_of("operation_id"))
    if operation is None:
        detail = "an award is issued whose purchase is not there"
        step.differs("awards", detail, expected="its purchase before it", found=leaf.detail.get("operation_id"))
        raise Stop(detail)
    ruleset = step.ruleset_of(operation.ruleset)
    waiting = step.account.pending.pop(operation.id, None)
    if waiting is None:
        detail = "an award is issued a second time, or after a refund left nothing of it"
        step.differs("awards", detail, expected="no issuance", found=f"{leaf.amount} points")
    else:
        if leaf.recorded_at < waiting.due_at:
            expected = f"not before {said(waiting.due_at)}"
            step.differs(
                "awards", "an award is issued before it is due", expected=expected, found=said(leaf.recorded_at)
            )
        deliveries.check_delivered(step, ruleset, waiting)
    step.same("decisions", "the ruleset of a pending award", operation.ruleset, leaf.ruleset)
    operation.party = leaf.party
    has_parts = own_expiries(ruleset, of_purchases=True)
    breakdown = decide_purchase(ruleset, opened_facts(operation.text)).breakdown if has_parts else ()
    award_parts.issue(step, operation, ruleset, breakdown, leaf.amount if waiting is None else waiting.points)
    step.storage.put_operation(operation)


def check_award(step: Step, award: Award) -> int:
    """The points that the leaf claims, noted where they or a line of their breakdown are not the rules'."""
    leaf = step.leaf
    claimed = whole(leaf.detail.get("awarded" if leaf.kind == "issuance" else "points"), "points")
    if claimed != award.points:
        step.differs("awards", "the rules give another award", expected=award.points, found=claimed)
    elif not _says(leaf.detail.get("breakdown"), award):
        told = leaf.detail.get("breakdown")
        pairs = zip(award.to_json()["breakdown"], told if isinstance(told, list) else [], strict=False)
        line: Any = next((pair for pair in pairs if pair[0] != pair[1]), (f"{len(award.breakdown)} lines", "others"))
        step.differs("awards", "the rules give another breakdown", expected=line[0], found=line[1])
    if not claimed >= 0:
        raise Stop("an award is negative")
    return claimed


def _says(told: object, award: Award) -> bool:
    """Whether a breakdown in a detail is that of the award, line by line."""
    return (
        isinstance(told, list)
        and len(told) == len(award.breakdown)
        and all(
            one == {"rule": line.rule, "points": line.points, "why": line.why}
            for one, line in zip(told, award.breakdown, strict=True)
        )
    )


def _check_facts(step: Step, ruleset: Ruleset, facts: PurchaseFacts) -> None:
    """What the programme itself knows of a purchase: time, member, visit. What the till said can be seen by nobody here."""
    check_surroundings(step, ruleset, facts)
    step.same("history", "the currency", ruleset.program.currency, facts.currency)
    account = step.account
    earlier = (
        Visited(account.history[id_].at, one.date, one.visit, is_kept=bool(account.history[id_].orders))
        for id_, one in account.visited.items()
    )
    visit = visit_of(ruleset, account.last_visit, earlier, facts.occurred_at, facts.local)
    if facts.visit != visit:
        step.same("history", "the number of the visit", _visit(visit), _visit(facts.visit))


def check_surroundings(step: Step, ruleset: Ruleset, facts: PurchaseFacts | EventFacts | UseFacts) -> None:
    """What the programme itself knows of a purchase or event: whose, when, and the member just before it."""
    leaf, account = step.leaf, step.account
    what = str(leaf.operation)
    if facts.occurred_at != leaf.occurred_at:
        step.same("history", f"the time of the {what}", said(leaf.occurred_at), said(facts.occurred_at))
    step.same("history", f"the merchant of the {what}", leaf.detail.get("merchant"), facts.merchant)
    zone = ruleset.program.time_zone
    local = local_time(facts.occurred_at, zone)
    if facts.local != local and _is_clock_change(facts.local, local):
        where = f"batch {leaf.operator}/{leaf.seq}, index {leaf.index}"
        step.findings.doubt(
            "history", f"{where}: the local time is that of another summer time: {facts.local}, not {local}"
        )
    else:
        step.same("history", f"the local time of the {what}", local, facts.local)
    member = facts.member
    step.same("history", "the number of purchases before this one", account.purchases, member.purchases)
    if account.joined_at is not None:
        age = age_days(_joined_date(account.joined_at, zone), local.date)
        step.same("history", "the member's age in days", age, member.age_days)
    day = account.day_points.get(facts.local.date, 0)
    step.same("history", "what the day's other purchases and events keep", day, member.day_points)
    held = ids_at(account.periods.values(), facts.occurred_at) if ruleset.memberships else ()
    step.same("awards", "the memberships held", held, member.memberships)
    segments = declared(ruleset, account.segments)
    step.same("history", "the segments that the member is in", segments, member.segments)
    asked = recent_orders(ruleset, account.history.values(), facts.occurred_at)
    recent = asked if isinstance(facts, PurchaseFacts) else None
    step.same("history", "how many purchases came shortly before", recent, member.recent)
    tier = None if ruleset.tiers is None else tier_at(ruleset, account.history.values(), facts.occurred_at)
    if tier != member.tier:
        step.same("tiers", f"the level that the history gives for this {what}", tier, member.tier)


@lru_cache(maxsize=4096)
def _joined_date(joined_at: datetime, zone: str) -> str:
    return local_time(joined_at, zone).date


def _is_clock_change(told: LocalTime, known: LocalTime) -> bool:
    """Whether another summer time explains the difference, and the parts of the time agree among themselves."""
    try:
        first = datetime(told.year, told.month, told.day, told.hour, told.minute)  # noqa: DTZ001
        second = datetime(known.year, known.month, known.day, known.hour, known.minute)  # noqa: DTZ001
    except ValueError:
        return False
    is_one = told.date == first.date().isoformat() and told.weekday == first.isoweekday()
    return is_one and abs(first - second) <= CLOCK_CHANGE


def _visit(visit: VisitFacts) -> str:
    return f"visit {visit.number}, receipt {visit.receipt}"
