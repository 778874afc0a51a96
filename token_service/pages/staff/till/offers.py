"""The rewards that a till can give for points: those within reach first, then what is missing for the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from token_service.ledger.views import RewardStanding
from token_service.pages.on_offer import SIGNS, Offer, on_offer
from token_service.program.rewards import DONATION
from token_service.program.ruleset import Ruleset


def offers(rules: Ruleset, standings: Iterable[RewardStanding]) -> list[Offer]:
    """All rewards of the rules in force that are not over, cheapest first, but those that give to a cause: members do that in the
    wallet. One for which the customer has to sign is not closed: the till asks for the signature.
    """
    bought = (one for one in standings if one.kind != DONATION)
    signed = [replace(one, refusal={}) if one.refusal == SIGNS else one for one in bought]
    return sorted(on_offer(rules, signed), key=lambda offer: (offer.points, offer.name))
