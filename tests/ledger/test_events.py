"""Events in the ledger: once under their reference, within their limits, counted in levels and days, taken back whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from ledger_town import ADMIN, DAY, Make, Town, rules

from token_service.errors import AlreadyReversed, InvalidInput, MemberFrozen, NotFound, ReferenceConflict, TooLate
from token_service.ledger import views
from token_service.ledger.events import find_event, get_event, reverse_event, send_event, simulate_event
from token_service.ledger.inputs import NewEvent, NewReversal
from token_service.ledger.members import freeze, get_member
from token_service.ledger.rebuild import rebuild

EARNING = """
  - {id: base, kind: spend, points: 1, per: 100}
  - {id: review, kind: event, event: review.written, points: 20, limits: {per_member: {times: 2, every: P1D}}}
  - {id: survey, kind: event, event: survey.answered, points: 15, once_per: subject}
  - {id: box, kind: subscription, points: 50}
  - {id: flyer, kind: event, event: flyer.shared, points: 10, limits: {budget_points: 25}}
"""
RULES = rules(accept_late="P7D").replace(
    "[{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]", EARNING
)


@pytest.fixture
def town(make: Make) -> Town:
    return make(RULES)


def new_event(town: Town, member_id: str | None, type_: str = "review.written", **more: Any) -> NewEvent:
    given = {"reference": town.reference(), "type": type_, "occurred_at": town.clock.at, "member_id": member_id}
    return NewEvent(**(given | more))


def send(town: Town, member_id: str | None, type_: str = "review.written", **more: Any) -> views.Outcome[views.Event]:
    return send_event(town.context, town.alice, new_event(town, member_id, type_, **more))


def take_back(town: Town, event_id: str, **more: Any) -> views.Outcome[views.Reversal]:
    return reverse_event(town.context, town.alice, event_id, NewReversal(**({"reference": town.reference()} | more)))


def test_post_events_with_a_custom_type_and_unique_event_id_can_earn_capped_per_member_and_period(town: Town) -> None:
    """Number 29 of the brief's list."""
    member = town.member()
    assert [send(town, member).value.points for _ in range(3)] == [20, 20, 0]
    assert send(town, town.member()).value.points == 20, "the next member has their own"
    town.clock.forward(DAY)
    assert send(town, member).value.points == 20
    assert town.moves(member) == [("issuance", 20)] * 3
    town.check()


def test_answering_a_survey_issues_once_per_survey_per_member_whatever_the_rating_given(town: Town) -> None:
    """Number 30: the rating is nothing that an event could say."""
    one, other = town.member(), town.member()
    answered = [("autumn", one), ("autumn", one), ("winter", one), ("autumn", other)]
    given = [send(town, member, "survey.answered", subject=survey).value.points for survey, member in answered]
    assert given == [15, 0, 15, 15]
    assert "rating" not in NewEvent.__dataclass_fields__
    town.check()


def test_each_paid_billing_period_issues_once_per_subscription_id_and_period(town: Town) -> None:
    """Number 26."""
    member = town.member()
    paid = ["box-1/2026-03", "box-1/2026-03", "box-1/2026-04", "box-2/2026-03"]
    given = [send(town, member, "subscription.paid", subject=period).value.points for period in paid]
    assert given == [50, 0, 50, 50]
    town.check()


def test_the_answer_says_what_each_rule_gave_and_why_another_gave_nothing(town: Town) -> None:
    member = town.member()
    first = send(town, member, "survey.answered", subject="autumn").value.breakdown
    assert [(line.rule, line.points, line.why) for line in first] == [("survey", 15, "15 points for survey.answered")]
    again = send(town, member, "survey.answered", subject="autumn").value.breakdown
    assert [(line.rule, line.points, line.why) for line in again] == [
        ("limit:earning:survey", 0, "once for each subject")
    ]
    nameless = send(town, member, "survey.answered").value.breakdown
    assert nameless[0].why == "once for each subject, and this names none"
    send(town, member), send(town, member)
    assert send(town, member).value.breakdown[0].why == "at most 2 times a member in P1D"


def test_a_budget_gives_what_it_has_left_and_takes_back_what_is_reversed(town: Town) -> None:
    sent = [send(town, town.member(), "flyer.shared").value for _ in range(4)]
    assert [event.points for event in sent] == [10, 10, 5, 0]
    assert sent[2].breakdown[1].why == "at most 25 points for this rule, 5 of them left"
    take_back(town, sent[0].id)
    assert send(town, town.member(), "flyer.shared").value.points == 10
    town.check()
    rebuild(town.context)
    town.check()


def test_an_event_that_no_rule_is_for_is_recorded_and_promised(town: Town) -> None:
    member = town.member()
    outcome = send(town, member, "store.entered")
    assert (outcome.value.points, outcome.value.breakdown, outcome.entries) == (0, (), ())
    assert outcome.promise is not None
    assert town.moves(member) == []
    town.check()


def test_the_same_reference_is_the_same_event_and_with_other_content_a_conflict(town: Town) -> None:
    member = town.member()
    new = new_event(town, member)
    first, again = (send_event(town.context, town.alice, new) for _ in range(2))
    assert (first.replayed, again.replayed, again.value, again.entries) == (False, True, first.value, first.entries)
    assert town.balance(member).available == 20
    other = new_event(town, member, "survey.answered", reference=new.reference)
    with pytest.raises(ReferenceConflict) as refused:
        send_event(town.context, town.alice, other)
    assert refused.value.facts["existing_id"] == first.value.id
    assert send_event(town.context, town.charlie, new_event(town, town.member(town.charlie), reference=new.reference))


def test_it_is_found_by_its_id_and_its_reference_by_whose_it_is(town: Town) -> None:
    new = new_event(town, town.member())
    made = send_event(town.context, town.alice, new).value
    assert get_event(town.context, town.alice, made.id) == made
    assert find_event(town.context, town.alice, new.reference) == made
    with pytest.raises(NotFound):
        get_event(town.context, town.charlie, made.id)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"type": "member.joined"}, InvalidInput),
        ({"type": ""}, InvalidInput),
        ({"type": "x" * 41}, InvalidInput),
        ({"subject": "s" * 201}, InvalidInput),
        ({"reference": ""}, InvalidInput),
        ({"external_id": "both"}, InvalidInput),
        ({"member_id": "mem_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, NotFound),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(town: Town, change: dict[str, Any], error: type[Exception]) -> None:
    member = town.member()
    with pytest.raises(error):
        send_event(
            town.context,
            town.alice,
            new_event(town, **({"member_id": member, "type_": "review.written"} | _typed(change))),
        )
    assert town.moves(member) == []
    town.check()


def _typed(change: dict[str, Any]) -> dict[str, Any]:
    return {"type_" if name == "type" else name: value for name, value in change.items()}


def test_what_happened_too_long_ago_is_refused(town: Town) -> None:
    member = town.member()
    with pytest.raises(TooLate):
        send(town, member, occurred_at=town.clock.at - 8 * DAY)
    assert send(town, member, occurred_at=town.clock.at - 6 * DAY).value.points == 20


def test_a_frozen_member_earns_nothing(town: Town) -> None:
    member = town.member()
    freeze(town.context, ADMIN, member, "under investigation")
    with pytest.raises(MemberFrozen):
        send(town, member)


def test_an_event_taken_back_leaves_no_points_and_frees_its_limits(town: Town) -> None:
    member = town.member()
    event = send(town, member, "survey.answered", subject="autumn").value
    reversal = take_back(town, event.id, reason="not a customer")
    assert (reversal.value.reversed, reversal.value.debt) == (15, 0)
    assert town.balance(member).available == 0
    assert get_event(town.context, town.alice, event.id).reversed == 15
    assert send(town, member, "survey.answered", subject="autumn").value.points == 15
    town.check()
    rebuild(town.context)
    town.check()


def test_what_was_spent_of_an_event_taken_back_is_owed(town: Town) -> None:
    member = town.member()
    event = send(town, member, "subscription.paid", subject="box/1").value
    town.redeem(member, 30)
    done = take_back(town, event.id)
    assert (done.value.reversed, done.value.debt) == (20, 30)
    send(town, member)
    assert (town.balance(member).available, town.balance(member).debt) == (0, 10)
    town.check()


def test_an_event_is_taken_back_once_and_whole(town: Town) -> None:
    member = town.member()
    event, idle = send(town, member).value, send(town, member, "store.entered").value
    with pytest.raises(InvalidInput):
        take_back(town, event.id, points=5)
    reference = town.reference()
    first, again = (take_back(town, event.id, reference=reference) for _ in range(2))
    assert (first.replayed, again.replayed) == (False, True)
    for one in (event, idle):
        with pytest.raises(AlreadyReversed):
            take_back(town, one.id)
    assert town.balance(member).available == 0
    town.check()


def test_a_simulation_says_the_same_and_records_nothing(town: Town) -> None:
    member = town.member()
    new = new_event(town, member, "survey.answered", subject="autumn")
    simulated = simulate_event(town.context, town.alice, new).value
    assert simulated is not None
    assert simulated.points == 15
    assert town.moves(member) == []
    assert send_event(town.context, town.alice, new).value.points == 15


def test_the_days_limit_counts_purchases_and_events_together(make: Make) -> None:
    town = make(RULES + "limits: {per_member_day_points: 30}\n")
    member = town.member()
    assert town.buy(member, 2_500).value.points == 25
    line = send(town, member).value.breakdown[-1]
    assert (line.rule, line.points, line.why) == (
        "limit:per_member_day_points",
        -15,
        "at most 30 points a day, 5 of them left",
    )
    assert town.buy(member, 1_000).value.points == 0
    town.check()


def test_tier_qualification_may_use_points_spend_orders_or_engagement(make: Make) -> None:
    """Number 36: an event counts for its points, and once as engagement if it earned any."""
    for by, threshold in (("points", 40), ("engagement", 2)):
        levels = f"[{{id: basic, from: 0}}, {{id: gold, from: {threshold}}}]"
        town = make(RULES + f"tiers: {{qualify_by: {by}, window: {{kind: lifetime}}, levels: {levels}}}\n")
        member = town.member()
        last = [send(town, member, "survey.answered", subject=str(number % 2)).value for number in range(4)][1]
        if by == "points":
            send(town, member)
        assert get_member(town.context, ADMIN, member).tier == "gold"
        take_back(town, last.id)
        assert get_member(town.context, ADMIN, member).tier == "basic" if by == "engagement" else True
        town.check()
        rebuild(town.context)
        town.check()


def test_many_at_once_never_exceed_a_members_limit_or_the_budget(town: Town) -> None:
    member = town.member()
    with ThreadPoolExecutor(8) as senders:
        reviews = list(senders.map(lambda _: send(town, member).value.points, range(8)))
        flyers = list(
            senders.map(lambda other: send(town, other, "flyer.shared").value.points, [town.member() for _ in range(6)])
        )
    assert sorted(reviews, reverse=True) == [20, 20, 0, 0, 0, 0, 0, 0]
    assert sorted(flyers, reverse=True) == [10, 10, 5, 0, 0, 0]
    town.check()


def test_points_of_an_event_expire_like_any(make: Make) -> None:
    town = make(RULES + "expiry: {kind: fixed, period: P1M}\n")
    member = town.member()
    send(town, member)
    assert town.pass_time(timedelta(days=40)).points_expired == 20
    town.check()
