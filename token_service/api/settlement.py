"""What merchants owe one another, and causes, for a period, computed from the entries."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, MoneyAnswer, respond
from token_service.api.fields import Day
from token_service.api.input import Query
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger.net_settlement import Kind, NetSettlement, net_settlement

routes = Routes("settlement", __name__, abp_tags=[{"name": "Merchants"}])


class PeriodQuery(Query):
    """Days of the programme's clock, both included, at most 366."""

    since: Day = Field(examples=["2026-11-01"])
    until: Day = Field(examples=["2026-11-30"])


class OwedAnswer(Answer):
    """`issuer` owes `acceptor` the `value` of its points that the other honoured, or that were given to it where it is a cause;
    negative where more came back.
    """

    issuer: str
    issuer_party: int
    acceptor: str
    acceptor_party: int
    acceptor_kind: Kind
    points: int
    value: MoneyAnswer


class PositionAnswer(Answer):
    """What one merchant, or cause, gets (negative: pays) in the end. `merchant` is its name."""

    merchant: str
    party: int
    kind: Kind
    accepted_points: int
    issued_points: int
    net: MoneyAnswer


class NetSettlementAnswer(Answer):
    """All that was owed; the `net` values of all merchants and causes sum to 0."""

    object: Literal["net_settlement"] = "net_settlement"
    since: str
    until: str
    owed: list[OwedAnswer]
    positions: list[PositionAnswer]


@routes.get("/v1/settlement", responses={200: NetSettlementAnswer})
@needs("program:read")
def settlement(query: PeriodQuery) -> Response:
    """What merchants owe one another, and the causes to which their points were given: all of it for an admin key, its
    own part for a merchant's.
    """
    return respond(_present(net_settlement(ledger(), caller(), query.since, query.until)))


def _present(found: NetSettlement) -> NetSettlementAnswer:
    def money(amount: int) -> MoneyAnswer:
        return MoneyAnswer(amount=amount, currency=found.currency)

    return NetSettlementAnswer(
        since=found.since.isoformat(),
        until=found.until.isoformat(),
        owed=[
            OwedAnswer(
                issuer=found.names[row.issuer],
                issuer_party=row.issuer,
                acceptor=found.names[row.acceptor],
                acceptor_party=row.acceptor,
                acceptor_kind=found.kind(row.acceptor),
                points=row.points,
                value=money(row.value),
            )
            for row in found.rows
        ],
        positions=[
            PositionAnswer(
                merchant=found.names[one.party],
                party=one.party,
                kind=found.kind(one.party),
                accepted_points=one.accepted_points,
                issued_points=one.issued_points,
                net=money(one.net_value),
            )
            for one in found.positions
        ],
    )
