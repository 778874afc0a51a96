"""A deployment as `mereau init` makes it, with lines that were really written to its embedded chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pages_town import RULES, Town, open_shop

from token_service.app.application import Application, open_application
from token_service.app.setup import Founding, initialise
from token_service.config import Settings
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewRedemption
from token_service.ledger.redemptions import redeem
from token_service.ledger.statements import list_entries
from token_service.ledger.views import EntryView

SETTLE_SECONDS = 60


@dataclass(frozen=True)
class Settled:
    """`lines`: Alice's entries, newest first, as they stand after settlement; the first one is not settled yet."""

    application: Application
    town: Town
    member_id: str
    lines: tuple[EntryView, ...]


@contextmanager
def settled_town(folder: Path) -> Iterator[Settled]:
    """Alice buys four times, is given points, takes a coffee; all that is settled; then she buys once more."""
    settings = Settings(data_dir=folder / "var", demo=True, log_level="error")
    initialise(settings, Founding(RULES))
    with open_application(settings) as application:
        town = open_shop(application.context, application.context.now)
        member_id = town.member()
        for total in (12_990, 2_150, 18_420, 64_210):
            town.purchase(member_id, total)
        town.gift(member_id, 200)
        redeem(town.context, town.actor, NewRedemption(town.reference(), member_id, reward_id="free-coffee"))
        application.settle(SETTLE_SECONDS)
        town.purchase(member_id, 3_990)
        lines = list_entries(town.context, Actor.member(member_id), member_id).data
        yield Settled(application, town, member_id, lines)
