"""A real deployment for the bench: ledger, keys, contract, members; composed as `mereau init` and `serve` do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from scripts.bench.anvil import fund
from token_service.app import open_application
from token_service.app.application import Application
from token_service.app.setup import Founding, deploy_contract, initialise
from token_service.chain.embedded import EmbeddedChain
from token_service.chain.embedded_node import EmbeddedNode
from token_service.chain.node import HttpNode, Node
from token_service.chain.settlement import check_chain
from token_service.config import Settings
from token_service.errors import MereauError
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewMember, NewMerchant, NewPurchase
from token_service.ledger.members import enrol_batch
from token_service.ledger.merchants import create_merchant
from token_service.ledger.purchases import record_purchases
from token_service.worker import WorkerServices, settle_until_idle

RULESET: Final = """
ruleset: 1
program: {name: Bench, currency: EUR, time_zone: Europe/Paris}
earning: [{id: base, kind: spend, points: 1, per: 100, basis: gross, rounding: floor}]
"""
MEMBERS: Final = 500
CENTS: Final = 2_390
CHUNK: Final = 1_000
SETTLE_SECONDS: Final = 120


@dataclass
class Programme:
    """One merchant, MEMBERS members, and the worker's services on the node that is given."""

    application: Application
    merchant: Actor
    members: Sequence[str]
    recorded: int = 0

    def buy(self, count: int) -> None:
        """`count` purchases through the ledger's use case; each earns at once. Raises RuntimeError if one is refused."""
        now = self.application.context.now()
        for start in range(0, count, CHUNK):
            numbers = range(self.recorded, self.recorded + min(CHUNK, count - start))
            news = [
                NewPurchase(f"bench-{n}", now, CENTS, member_id=self.members[n % len(self.members)]) for n in numbers
            ]
            answers = record_purchases(self.application.context, self.merchant, news)
            if any(isinstance(answer, MereauError) for answer in answers):
                raise RuntimeError("a purchase of the bench was refused")
            self.recorded += len(news)


@contextmanager
def programme(
    folder: Path, *, rpc_url: str | None = None, database_url: str | None = None, ruleset: str = RULESET
) -> Iterator[Programme]:
    """Deployed, its members enrolled; nothing settled since."""
    settings = Settings(
        data_dir=folder, rpc_url=rpc_url, database_url=database_url, confirmations=0, log_level="error",
        requests_per_second=1_000_000, batch_wait=timedelta(seconds=1),
    )  # fmt: skip
    founding = Founding(ruleset)
    initialise(settings, founding)
    with open_application(settings) as application:
        if rpc_url is not None:
            fund(rpc_url, application.keys.operator_address, application.keys.admin_address)
            deploy_contract(application, founding)
        made = create_merchant(application.context, Actor.admin("bench"), NewMerchant("Bench shop"))
        merchant = Actor.merchant(made.id)
        news = [NewMember(f"card-{number}") for number in range(MEMBERS)]
        outcomes = enrol_batch(application.context, merchant, news)
        members = [one.member.id for one in outcomes if not isinstance(one, MereauError)]
        yield Programme(application, merchant, members)


@contextmanager
def instant_node(application: Application) -> Iterator[Node]:
    """The deployment's node; the embedded chain without its pace of one block a second."""
    if application.settings.rpc_url is not None:
        http = HttpNode([application.settings.rpc_url])
        yield http
        http.close()
        return
    with application.chain_lock():
        chain = EmbeddedChain(application.chain_path, clock=lambda: int(time.time()), is_instant=True)
        try:
            yield EmbeddedNode(chain)
        finally:
            chain.close()


def settle(application: Application, node: Node, passed: Callable[[str], None] = lambda place: None) -> None:
    """Everything that is recorded, through the worker's own steps; `passed` hears each place that they pass.

    Raises RuntimeError if something is left.
    """
    chain = replace(check_chain(application.chain_services(node)), failpoint=passed)
    if not settle_until_idle(WorkerServices(chain, batch_seconds=0), SETTLE_SECONDS).is_settled:
        raise RuntimeError("the bench's entries were not settled in time")
