"""A worker that runs until its next failpoint, stands still there while others go on, or dies and is started anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from greenlet import greenlet

from token_service.chain.services import ChainServices
from token_service.chain.settlement import check_chain
from token_service.chain.settlement.leases import Leases, Share
from token_service.errors import ChainOlderThanLedger
from token_service.worker import WAIT_FOR, Worker, WorkerServices


class Crash(BaseException):
    """The process dies here. No `except Exception` of the engine may catch it; `finally` runs, as it does not for a real kill:
    what the engine does there must not matter either."""


@dataclass
class OwnOrder(Leases):
    """All lanes, as on SQLite, but each worker begins with another: so they work on different ones at the same moment."""

    number: int = 0

    def look(self, services: ChainServices) -> Share:
        share = Leases.look(self, services)
        begins = self.number % max(1, len(share.lanes))
        return Share(share.lanes[begins:] + share.lanes[:begins], share.chain)


@dataclass
class SimulatedWorker:
    """`services` are its own: its clock may be wrong. A pass is one greenlet, so that it can stand still anywhere."""

    number: int
    services: ChainServices
    dice: random.Random
    hear: Callable[[str], None]
    worker: Worker = field(init=False)
    running: greenlet | None = None
    place: str = ""
    is_new: bool = True
    starts_checked: float = 0.5
    """How often a new one checks chain and contract: a real one always does, and it takes long."""
    hurries: bool = False
    """Closes every batch at once."""
    naps: int = 0
    """How many times more it is passed over."""

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        chain = replace(self.services, failpoint=self._pass_failpoint)
        leases = OwnOrder(self.name, number=self.number)
        self.worker = Worker(WorkerServices(chain, batch_seconds=1.0, reconcile_seconds=90.0), leases=leases)
        self.worker.due_at = float("inf")  # nothing falls due here
        self.is_new, self.place = True, ""

    def _pass_failpoint(self, name: str) -> None:
        self.place = name
        self.hear(name)

    @property
    def name(self) -> str:
        return f"worker {self.number}"

    @property
    def chain(self) -> ChainServices:
        return self.worker.services.chain

    def go_on(self) -> None:
        """Until it stands still, ends a pass, or dies."""
        if self.running is None or self.running.dead:
            self.running = greenlet(self._pass)
        self.running.switch()

    def go_through(self) -> None:
        """To the end of the pass that it is in, or of a new one."""
        self.go_on()
        while self.running is not None and not self.running.dead:
            self.running.switch()

    def die(self) -> None:
        """Where it stands."""
        if self.running is not None and not self.running.dead:
            self.running.throw(Crash)
        else:
            self._begin()

    def _pass(self) -> None:
        try:
            if self.is_new and self.dice.random() < self.starts_checked:
                check_chain(self.chain)
            self.is_new = False
            self.worker.run_pass(flush=self.hurries or self.dice.random() < 0.5)
        except Crash:
            self._begin()
        except WAIT_FOR:
            pass
        except ChainOlderThanLedger:
            assert self.is_new, "a worker stops although its chain was checked"
            # Whoever watches over the process starts it again: the node lagged behind what is final.
        self.place = ""
