"""What members do beside buying, and what it earns: reviews, surveys, paid months of a subscription."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Response
from pydantic import Field, StringConstraints

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, BalanceAnswer, Instant, ListAnswer, Moved, respond
from token_service.api.fields import Id, Name, Reference, Time
from token_service.api.input import Body, Path
from token_service.api.purchases import BreakdownAnswer
from token_service.api.references import ReferenceQuery, answer_found
from token_service.api.replays import answer_move
from token_service.api.reversals import ReversalAnswer, ReversalBody
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.api.simulations import SimulatedRefusal, refusal_of
from token_service.errors import InvalidInput, Place
from token_service.ledger import events
from token_service.ledger.inputs import NewEvent

routes = Routes("events", __name__, abp_tags=[{"name": "Events"}])

EventType = Annotated[
    str,
    StringConstraints(max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$"),
    Field(examples=["review.written", "survey.answered", "subscription.paid"]),
]


class EventBody(Body):
    """What happened. `subject` is what it is about: the survey, the article, or a subscription and its period."""

    reference: Reference
    member_id: Id | None = Field(default=None, description="Exactly one of member_id and external_id.")
    external_id: Name | None = None
    type: EventType
    subject: Name | None = Field(default=None, examples=["survey-2026-11", "box-42/2026-11"])
    occurred_at: Time
    merchant_id: Id | None = Field(default=None, description="With an admin key: whose event it is.")

    def resolved(self) -> NewEvent:
        """What the ledger is asked. Raises InvalidInput unless one member is named."""
        if (self.member_id is None) == (self.external_id is None):
            detail = "Name the member once: member_id or external_id."
            raise InvalidInput(detail, places=(Place("/member_id", detail),))
        return NewEvent(**dict(self))


class EventPath(Path):
    event_id: str = Field(max_length=30)


class EventAnswer(Answer):
    """An event and what it earned; `reversed` of its points were taken back."""

    object: Literal["event"] = "event"
    id: str
    created_at: Instant
    reference: str
    merchant_id: str
    member_id: str
    type: str
    subject: str | None
    occurred_at: Instant
    points: int
    breakdown: list[BreakdownAnswer]
    reversed: int
    ruleset: str


class RecordedEvent(Moved, EventAnswer):
    """The event, the entries it made, and the balance after it."""


class EventList(ListAnswer[EventAnswer]):
    pass


class EventSimulation(Answer):
    """The event that the real call would answer, or its refusal. `balance` is the member's now."""

    object: Literal["simulation"] = "simulation"
    allowed: bool
    event: EventAnswer | None
    refusal: SimulatedRefusal | None
    balance: BalanceAnswer


@routes.post("/v1/events", responses={201: RecordedEvent, 200: RecordedEvent})
@needs("events:write", idempotent=True)
def send(body: EventBody) -> Response:
    """Record something that a member did, and award what the rules give for it.

    An event that earns nothing is recorded, too: the breakdown says why."""
    asked = body.resolved()
    return answer_move(
        lambda context: events.send_event(context, caller(), asked), body=body, shape=RecordedEvent, name="event"
    )


@routes.get("/v1/events", responses={200: EventList})
@needs("events:write")
def find(query: ReferenceQuery) -> Response:
    """Find the event with a reference."""
    return answer_found(EventList, query, events.find_event, EventAnswer.of)


@routes.get("/v1/events/<event_id>", responses={200: EventAnswer})
@needs("events:write")
def get(path: EventPath) -> Response:
    """One event."""
    return respond(EventAnswer.of(events.get_event(ledger(), caller(), path.event_id)))


@routes.post("/v1/events/<event_id>/reversals", responses={201: ReversalAnswer, 200: ReversalAnswer})
@needs("events:write", idempotent=True)
def reverse(path: EventPath, body: ReversalBody) -> Response:
    """Take back all that an event earned: the review was false, the subscription was refunded."""
    asked = body.resolved()
    return answer_move(
        lambda context: events.reverse_event(context, caller(), path.event_id, asked),
        body=body,
        shape=ReversalAnswer,
        name="reversal",
    )


@routes.post("/v1/simulations/event", responses={200: EventSimulation})
@needs("events:write")
def simulate(body: EventBody) -> Response:
    """What an event would earn, and why."""
    simulation = events.simulate_event(ledger(), caller(), body.resolved())
    return respond(
        EventSimulation(
            allowed=simulation.refusal is None,
            event=EventAnswer.of(simulation.value) if simulation.value else None,
            refusal=refusal_of(simulation),
            balance=BalanceAnswer.of(simulation.balance),
        )
    )
