"""What staff do to members: change their points, freeze, unfreeze; each with a reason, in the trail, in one transaction.

Nobody does it to an account of their own: the one whose e-mail address is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from token_service.errors import Forbidden
from token_service.ledger import views
from token_service.ledger.adjustments import adjust, simulate_adjustment
from token_service.ledger.closing import close_member, reopen_member
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import MemberChange, NewAdjustment
from token_service.ledger.members import freeze, get_member, unfreeze
from token_service.ledger.merge_requests import decline_request
from token_service.ledger.merging import Merged, merge_members
from token_service.ledger.profiles import Changed, change_member
from token_service.ledger.proposals import approve_proposal, decline_proposal, get_proposal, propose_adjustment
from token_service.ledger.segments import set_segments
from token_service.ledger.sessions import normal_email
from token_service.ledger.staff import Person
from token_service.ledger.staff_trail import Deed, perform
from token_service.ledger.users import is_persons


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The member after the deed; `changed` is False when they were so already."""

    member: views.Member
    changed: bool


def is_own(context: Context, person: Person, member_id: str) -> bool:
    """Whether the member's account is this person's, or their company's."""
    with context.store.read() as connection:
        return is_persons(connection, member_id, person.email)


def adjust_member(context: Context, person: Person, new: NewAdjustment) -> views.Outcome[views.Adjustment]:
    """The adjustment; the first one again for its reference. Raises Forbidden (one's own account) and what `adjust` raises."""

    def work(joined: Context) -> views.Outcome[views.Adjustment]:
        _others(joined, person, new.member_id)
        return adjust(joined, person.actor, new)

    def deed(done: views.Outcome[views.Adjustment]) -> Deed | None:
        if done.replayed:
            return None
        made = done.value
        return Deed(
            "member.adjusted",
            made.id,
            member_id=made.member_id,
            reason=made.reason,
            detail={"points": made.points, "available": done.balance.available},
        )

    return perform(context, person, work, deed)


def try_adjustment(
    context: Context, person: Person, new: NewAdjustment, *, as_if_approved: bool = False
) -> views.Simulation[views.Adjustment]:
    """What `adjust_member` would answer; nothing is recorded. Raises what `adjust_member` raises."""
    _others(context, person, new.member_id)
    return simulate_adjustment(context, person.actor, new, approved_by="somebody" if as_if_approved else None)


def propose_for_member(context: Context, person: Person, new: NewAdjustment) -> views.Proposal:
    """The adjustment, for a second person. Raises Forbidden (one's own account) and what `propose_adjustment` raises."""

    def work(joined: Context) -> views.Proposal:
        _others(joined, person, new.member_id)
        return propose_adjustment(joined, person.actor, new)

    return perform(context, person, work, lambda made: _of_proposal("adjustment.proposed", made))


def approve(context: Context, person: Person, proposal_id: str) -> views.Outcome[views.Adjustment]:
    """The adjustment that somebody else proposed. Raises Forbidden (one's own account, one's own proposal) and what
    `approve_proposal` raises.
    """

    def work(joined: Context) -> views.Outcome[views.Adjustment]:
        _others(joined, person, get_proposal(joined, person.actor, proposal_id).member_id)
        return approve_proposal(joined, person.actor, proposal_id)

    def deed(done: views.Outcome[views.Adjustment]) -> Deed | None:
        made = done.value
        detail = {"points": made.points, "available": done.balance.available}
        said = Deed("adjustment.approved", made.id, made.member_id, reason=made.reason, detail=detail)
        return None if done.replayed else said

    return perform(context, person, work, deed)


def decline(context: Context, person: Person, proposal_id: str) -> views.Proposal:
    """The proposal, declined. Raises Forbidden (one's own account), NotFound, Conflict."""

    def work(joined: Context) -> views.Proposal:
        _others(joined, person, get_proposal(joined, person.actor, proposal_id).member_id)
        return decline_proposal(joined, person.actor, proposal_id)

    return perform(context, person, work, lambda made: _of_proposal("adjustment.declined", made))


def _of_proposal(action: str, made: views.Proposal) -> Deed:
    return Deed(action, made.id, made.member_id, reason=made.reason, detail={"points": made.points})


def freeze_member(context: Context, person: Person, member_id: str, reason: str) -> Refreshed:
    """The member, frozen. Repeatable. Raises Forbidden, NotFound, InvalidInput."""
    return _set_frozen(context, person, member_id, reason, freeze, frozen=True)


def unfreeze_member(context: Context, person: Person, member_id: str, reason: str) -> Refreshed:
    """The member, free again. Repeatable. Raises Forbidden, NotFound, InvalidInput."""
    return _set_frozen(context, person, member_id, reason, unfreeze, frozen=False)


def close_account(context: Context, person: Person, member_id: str, reason: str, *, forfeit: bool) -> Refreshed:
    """The member, closed. Repeatable. Raises Forbidden, NotFound, and what `close_member` raises."""
    return _changed(
        context,
        person,
        member_id,
        lambda joined: close_member(joined, person.actor, member_id, reason, forfeit=forfeit),
        is_news=lambda before: before.state != "closed",
        deed=Deed("member.closed", member_id, member_id=member_id, reason=reason),
    )


def reopen_account(context: Context, person: Person, member_id: str, reason: str) -> Refreshed:
    """The member, open again. Repeatable. Raises Forbidden, NotFound, InvalidInput."""
    return _changed(
        context,
        person,
        member_id,
        lambda joined: reopen_member(joined, person.actor, member_id, reason),
        is_news=lambda before: before.state == "closed",
        deed=Deed("member.reopened", member_id, member_id=member_id, reason=reason),
    )


def set_segments_of(context: Context, person: Person, member_id: str, segments: Sequence[str]) -> Refreshed:
    """The member, in these segments. Repeatable. Raises Forbidden, NotFound, InvalidInput."""

    def work(joined: Context) -> Refreshed:
        before = _others(joined, person, member_id)
        done = set_segments(joined, person.actor, member_id, segments)
        return Refreshed(done, changed=before.segments != done.segments)

    def deed(done: Refreshed) -> Deed | None:
        said = Deed("member.segmented", member_id, member_id=member_id, detail={"segments": list(done.member.segments)})
        return said if done.changed else None

    return perform(context, person, work, deed)


def correct_data(context: Context, person: Person, member_id: str, change: MemberChange) -> Changed:
    """The member with this data. Repeatable. Raises Forbidden (an account of one's own, one's own e-mail address), NotFound,
    InvalidInput.
    """

    def work(joined: Context) -> Changed:
        _others(joined, person, member_id)
        if change.email is not None and normal_email(change.email) == person.email:
            raise Forbidden("this is your own address: a colleague must note it")
        return change_member(joined, person.actor, member_id, change)

    def deed(done: Changed) -> Deed | None:
        said = Deed("member.corrected", member_id, member_id=member_id, detail={"fields": list(done.fields)})
        return said if done.fields else None

    return perform(context, person, work, deed)


def merge_account(context: Context, person: Person, member_id: str, into_id: str, reason: str) -> Merged:
    """The member that stays, or what waits for a second person. Repeatable. Raises Forbidden, NotFound, and what `merge_members`
    raises.
    """
    merged_before: list[bool] = []

    def work(joined: Context) -> Merged:
        merged_before.append(_others(joined, person, member_id).id != member_id)
        _others(joined, person, into_id)
        return merge_members(joined, person.actor, member_id, into_id, reason)

    def deed(done: Merged) -> Deed | None:
        if merged_before[-1]:
            return None
        action, whose = ("merge.asked", member_id) if done.waits else ("member.merged", done.member.id)
        return Deed(action, member_id, member_id=whose, reason=reason, detail={"from": member_id})

    return perform(context, person, work, deed)


def decline_merge(context: Context, person: Person, member_id: str, into_id: str) -> bool:
    """Whether a merge of this account into that one waited, and is declined now, also by whoever asked. Raises Forbidden (an
    account of one's own), NotFound.
    """

    def work(joined: Context) -> bool:
        for one in (member_id, into_id):
            _others(joined, person, one)
        return decline_request(joined, person.actor, member_id, into_id)

    deed = Deed("merge.declined", member_id, member_id=member_id)
    return perform(context, person, work, lambda found: deed if found else None)


def _changed(
    context: Context,
    person: Person,
    member_id: str,
    change: Callable[[Context], views.Member],
    *,
    is_news: Callable[[views.Member], bool],
    deed: Deed,
) -> Refreshed:
    """Somebody else's account changed, and the deed noted when it was not so before."""

    def work(joined: Context) -> Refreshed:
        before = _others(joined, person, member_id)
        return Refreshed(change(joined), changed=is_news(before))

    return perform(context, person, work, lambda done: deed if done.changed else None)


def _set_frozen(
    context: Context,
    person: Person,
    member_id: str,
    reason: str,
    change: Callable[[Context, Actor, str, str], views.Member],
    *,
    frozen: bool,
) -> Refreshed:
    return _changed(
        context,
        person,
        member_id,
        lambda joined: change(joined, person.actor, member_id, reason),
        is_news=lambda before: before.frozen != frozen,
        deed=Deed("member.frozen" if frozen else "member.unfrozen", member_id, member_id=member_id, reason=reason),
    )


def _others(context: Context, person: Person, member_id: str) -> views.Member:
    member = get_member(context, person.actor, member_id)
    if is_own(context, person, member_id):
        raise Forbidden("this account is your own: a colleague must do it")
    return member
