"""Accounts of one person that became one: what the one had goes out, what the other gets comes in, lot by lot; and what counted
for the one counts for the other from there on.

The chain has the points go out first, so the account that goes has been replayed to its end when the other one's leaf comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from token_service.audit.accounts.account import Account, Closing, HeldLot
from token_service.audit.accounts.lots import debit, said
from token_service.audit.accounts.step import Step, Stop
from token_service.audit.report import Finding
from token_service.program import lots as engine
from token_service.program.limits import needs_approval
from token_service.program.lots import Use
from token_service.program.merging import renamed
from token_service.program.visits import visits_together
from token_service.units import EntryKind

ARRIVES_WITHIN_SECONDS = 3_600


def moved(step: Step) -> None:
    """Points between two accounts of one person, out or in."""
    if step.leaf.entry_kind == EntryKind.MOVE_OUT:
        _out(step)
    else:
        _in(step)


def merged(step: Step) -> None:
    """The account became part of another one: nothing of its points is left, and it owes none."""
    leaf, account = step.leaf, step.account
    _check_manual(step)
    step.same("history", "the account that becomes part of another one", account.address, leaf.text_of("from_account"))
    step.same("history", "the state of an account that becomes part of another one", "active", account.state)
    left = sum(lot.left for lot in step.open_lots()) + sum(held.set_aside for held in account.lots.values())
    step.same("lots", "what an account has left that became part of another one", 0, left)
    step.same("reversals", "what an account owes that became part of another one", 0, _owed(account))
    pending = sum(award.points for award in account.pending.values())
    step.same("awards", "what waits for its return window", pending, leaf.whole("pending"))
    moved = sum(held.free.left for held in account.going)
    step.same("lots", "the points that moved", moved, leaf.whole("moved"))
    approved_by = leaf.detail.get("approved_by")
    if needs_approval(step.ruleset(), moved + pending) and (
        not isinstance(approved_by, str) or not approved_by.strip() or approved_by == leaf.detail.get("actor")
    ):
        detail = "a merge above the limit of adjustments was approved by nobody else"
        step.differs("manual", detail, expected="a second person", found=approved_by or "nobody")
    account.state, account.merged_into, account.standing_order = "closed", leaf.text_of("into_account"), 0


def merged_in(step: Step) -> None:
    """From here on all that counted for the other account counts for this one."""
    leaf, account = step.leaf, step.account
    _check_manual(step)
    step.check_open()
    step.same("history", "the account that another one became part of", account.address, leaf.text_of("into_account"))
    source = step.storage.account(leaf.text_of("from_account"))
    if source.stopped is not None:
        raise Stop(f"{source.address}, which became part of it, was replayed in part only")
    if source.merged_into != account.address:
        detail = f"{source.address} becomes part of this account"
        step.differs("history", detail, expected="a leaf of its own that says so, before", found=source.merged_into)
        raise Stop("another account's history is not known")
    visit = visits_together(source.last_visit, account.last_visit)
    step.same("history", "the last visit of both", None if visit is None else visit.to_json(), leaf.detail.get("visit"))
    pending = sum(award.points for award in source.pending.values())
    step.same("awards", "what waits for its return window", pending, leaf.whole("pending"))
    names = _names(account, source)
    step.same("history", "the completed challenges that get another number", names, dict(leaf.mapping("renamed")))
    _take_over(account, source, names)
    account.last_visit = visit
    account.closing = Closing(leaf.recorded_at, None)


def untold(account: Account, now: int) -> list[Finding]:
    """Points that went out and did not come in within an hour."""
    points = sum(held.free.left for held in account.going)
    if not points or account.going_since is None or now - account.going_since <= ARRIVES_WITHIN_SECONDS:
        return []
    detail = f"points that left {account.address} did not arrive where they went"
    return [Finding("history", detail, expected=f"{points} points in", found="nothing")]


def _out(step: Step) -> None:
    leaf, account = step.leaf, step.account
    step.same("history", "the account that points leave", account.address, leaf.text_of("from_account"))
    lots = sorted(step.open_lots(), key=engine.consumption_order)
    going = [replace(account.lots[lot.id]) for lot in lots]
    debit(step, [Use(lot.id, -lot.left, lot.expires_at) for lot in lots])
    account.going += going
    account.going_since = leaf.settled_at


def _in(step: Step) -> None:
    """One lot, with its date, issuer, rules and purchase as they were."""
    leaf, account = step.leaf, step.account
    step.same("history", "the account that points come to", account.address, leaf.text_of("into_account"))
    source, told = step.storage.account(leaf.text_of("from_account")), leaf.mapping("lot")
    was = next((held for held in source.going if held.lot.id == told.get("id")), None)
    if was is None:
        detail = "points come in that went out nowhere"
        step.differs("history", detail, expected="a lot that left the other account", found=told.get("id"))
        raise Stop(detail)
    source.going.remove(was)
    if told != _said(was):
        step.differs("lots", "a lot becomes another one on the way", expected=_said(was), found=dict(told))
    until = leaf.instant_of("expires_at")
    if (leaf.amount, until) != (was.free.left, was.lot.expires_at):
        expected, found = f"{was.free.left} until {said(was.lot.expires_at)}", f"{leaf.amount} until {said(until)}"
        step.differs("lots", "a lot comes in otherwise than it went out", expected=expected, found=found)
    step.same("openings", "the points of the detail", leaf.amount, leaf.whole("points"))
    lot = replace(was.lot, id=leaf.id, points=leaf.amount, left=leaf.amount, expires_at=until)
    account.lots[lot.id] = HeldLot(lot, was.party, was.ruleset)
    origin = None if lot.operation_id is None else step.storage.operation(lot.operation_id)
    if origin is not None:
        origin.lots.append(lot.id)
        step.storage.put_operation(origin)
    if account.debts and account.is_ours and engine.available(step.open_lots(), step.consumption_time):
        account.owes_payment = leaf.recorded_at


def _said(held: HeldLot) -> dict[str, Any]:
    lot = held.lot
    return {
        "id": lot.id,
        "operation": lot.operation_id,
        "party": held.party,
        "ruleset": held.ruleset,
        "issued_at": said(lot.issued_at),
    } | ({"keeps_date": True} if lot.keeps_date else {})


def _owed(account: Account) -> int:
    return sum(debt.points for debt in account.debts.values())


def _names(account: Account, source: Account) -> dict[str, str]:
    theirs = source.challenges.completions
    return {theirs[subject]: name for subject, name in renamed(account.challenges.completions, theirs).items()}


def _take_over(account: Account, source: Account, names: dict[str, str]) -> None:
    account.parts += [source.home, *source.parts]
    account.purchases += source.purchases
    account.history |= source.history
    account.visited |= source.visited
    account.periods |= source.periods
    account.pending |= source.pending
    source.pending = {}
    account.lapsed += source.lapsed
    account.once += [name for name in source.once if name not in account.once]
    account.referrals |= source.referrals
    account.owes_referrals += source.owes_referrals
    account.owes_referrals_at = account.owes_referrals_at or source.owes_referrals_at
    source.referrals, source.owes_referrals, source.owes_referrals_at = {}, [], None
    for day, points in source.day_points.items():
        account.day_points[day] = account.day_points.get(day, 0) + points
    for campaign_id, uses in source.campaigns.items():
        account.campaigns.setdefault(campaign_id, {}).update(uses)
    for challenge_id, steps in source.challenges.steps.items():
        account.challenges.steps.setdefault(challenge_id, {}).update(steps)
    for reward, had in source.rewards.items():
        account.rewards.setdefault(reward, {}).update(had)
    for benefit, used in source.benefits.items():
        account.benefits.setdefault(benefit, {}).update(used)
    account.spent |= source.spent
    account.given |= source.given
    for subject, event in source.challenges.completions.items():
        account.challenges.completions[names.get(event, subject)] = event
    times = [at for at in (account.last_activity_at, source.last_activity_at) if at is not None]
    account.last_activity_at = max(times, default=None)


def _check_manual(step: Step) -> None:
    """A person did it: who, and why."""
    for name in ("reason", "actor"):
        value = step.leaf.detail.get(name)
        if not isinstance(value, str) or not value.strip():
            step.differs("manual", f"a merge has no {name}", expected=f"a {name}", found="nothing")
