"""What a call would answer, by the same code and without a trace."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response

from token_service.api.access import caller, needs
from token_service.api.answers import Answer, BalanceAnswer, Facts, respond
from token_service.api.causes import DonationAnswer, DonationBody
from token_service.api.purchases import PurchaseAnswer, PurchaseBody
from token_service.api.redemptions import RedemptionAnswer, RedemptionBody
from token_service.api.routing import Routes
from token_service.api.services import ledger
from token_service.ledger import donations, purchases, redemptions, views

routes = Routes("simulations", __name__, abp_tags=[{"name": "Simulations"}])


class SimulatedRefusal(Answer):
    """Why the real call would be refused: the code of its problem, and what explains it (`missing_points`, …)."""

    code: str
    detail: str
    facts: Facts


class PurchaseSimulation(Answer):
    """The purchase that the real call would answer, or its refusal. `balance` is the member's now."""

    object: Literal["simulation"] = "simulation"
    allowed: bool
    purchase: PurchaseAnswer | None
    refusal: SimulatedRefusal | None
    balance: BalanceAnswer


class RedemptionSimulation(Answer):
    """The redemption that the real call would answer, or its refusal. `balance` is the member's now."""

    object: Literal["simulation"] = "simulation"
    allowed: bool
    redemption: RedemptionAnswer | None
    refusal: SimulatedRefusal | None
    balance: BalanceAnswer


class DonationSimulation(Answer):
    """The donation that the real call would answer, or its refusal. `balance` is the member's now."""

    object: Literal["simulation"] = "simulation"
    allowed: bool
    donation: DonationAnswer | None
    refusal: SimulatedRefusal | None
    balance: BalanceAnswer


def refusal_of(simulation: views.Simulation[Any]) -> SimulatedRefusal | None:
    """Why the real call would be refused, or None."""
    if simulation.refusal is None:
        return None
    return SimulatedRefusal(code=simulation.refusal, detail=simulation.detail or "", facts=dict(simulation.facts))


@routes.post("/v1/simulations/purchase", responses={200: PurchaseSimulation})
@needs("purchases:read")
def simulate_purchase(body: PurchaseBody) -> Response:
    """What a purchase would earn, and why; with an `occurred_at` up to 366 days ahead, by the rules published for then."""
    simulation = purchases.simulate_purchase(ledger(), caller(), body.resolved())
    return respond(
        PurchaseSimulation(
            allowed=simulation.refusal is None,
            purchase=PurchaseAnswer.of(simulation.value) if simulation.value else None,
            refusal=refusal_of(simulation),
            balance=BalanceAnswer.of(simulation.balance),
        )
    )


@routes.post("/v1/simulations/redemption", responses={200: RedemptionSimulation})
@needs("redemptions:read")
def simulate_redemption(body: RedemptionBody) -> Response:
    """Whether a redemption would be accepted, and what is missing."""
    simulation = redemptions.simulate_redemption(ledger(), caller(), body.resolved())
    return respond(
        RedemptionSimulation(
            allowed=simulation.refusal is None,
            redemption=RedemptionAnswer.of(simulation.value) if simulation.value else None,
            refusal=refusal_of(simulation),
            balance=BalanceAnswer.of(simulation.balance),
        )
    )


@routes.post("/v1/simulations/donation", responses={200: DonationSimulation})
@needs("redemptions:read")
def simulate_donation(body: DonationBody) -> Response:
    """Whether a donation would be accepted, and what is missing."""
    simulation = donations.simulate_donation(ledger(), caller(), body.resolved())
    return respond(
        DonationSimulation(
            allowed=simulation.refusal is None,
            donation=DonationAnswer.of(simulation.value) if simulation.value else None,
            refusal=refusal_of(simulation),
            balance=BalanceAnswer.of(simulation.balance),
        )
    )
