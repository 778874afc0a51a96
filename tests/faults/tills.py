"""Tills that never give up: each sends an operation until it is answered, and writes down what it was told."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

PATIENCE_SECONDS = 150
CENTS = 1000
LATER = {"program_paused", "rate_limited", "backlog_full", "member_frozen"}
"""Answers that a till waits out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a till wants done. `purchase` is the one that a refund is about, by the id that it had when it was bought."""

    kind: str
    reference: str
    body: dict[str, Any]
    purchase: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """An operation that the service has accepted: `points` is what it changed, signed; a debt counts as paid."""

    asked: Asked
    id: str
    points: int

    @property
    def kind(self) -> str:
        return self.asked.kind


@dataclass
class Journal:
    """What the tills know. Nothing in it may ever be lost, and nothing may happen that is not in it.

    A restored ledger loses operations: `renamed` has the new ids of those that were sent again, `given_up` the references of
    those that were then refused.
    """

    answered: list[Answered] = field(default_factory=list)
    asked_again: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    counters: threading.Condition = field(default_factory=threading.Condition)
    at_work: int = 0
    is_closed: bool = False

    def note(self, one: Answered) -> None:
        with self.lock:
            self.answered.append(one)
            self.given_up.discard(one.asked.reference)

    def note_again(self, why: str) -> None:
        with self.lock:
            self.asked_again[why] += 1

    def path(self, asked: Asked) -> str:
        """Where it is asked for now."""
        if asked.kind != "refund":
            return f"/v1/{asked.kind}s"
        return f"/v1/purchases/{self.id_now(asked.purchase)}/refunds"

    def id_now(self, operation: str) -> str:
        """The id of an operation that was answered, perhaps before it was lost."""
        while operation in self.renamed:
            operation = self.renamed[operation]
        return operation

    @contextmanager
    def open_counter(self) -> Iterator[None]:
        """A till asks, and writes down what it is told, with nobody closing the shop in between."""
        with self.counters:
            self.counters.wait_for(lambda: not self.is_closed)
            self.at_work += 1
        try:
            yield
        finally:
            with self.counters:
                self.at_work -= 1
                self.counters.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """No till asks for anything; who was asking has had an answer or none."""
        with self.counters:
            self.is_closed = True
            self.counters.wait_for(lambda: not self.at_work)
        try:
            yield
        finally:
            with self.counters:
                self.is_closed = False
                self.counters.notify_all()

    def points(self) -> int:
        with self.lock:
            return sum(one.points for one in self.answered)


class Till:
    """One thread of work. `number` makes its references its own."""

    def __init__(self, number: str, url: str, key: str, members: Sequence[str], journal: Journal, seed: int) -> None:
        self.number, self.url, self.members, self.journal = number, url, members, journal
        self.random = random.Random(seed)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {key}"
        self.count = 0
        self.purchases: list[str] = []
        self.is_refused = False  # the last answer, for good
        self.heard = ""  # what kept it from being answered

    def work(self, until: Callable[[], bool]) -> None:
        while not until():
            self.serve_one()
        self.session.close()

    def serve_one(self) -> None:
        """A purchase, or points spent, or a refund; now and then the same once more."""
        self.count += 1
        asked = self._next(f"till-{self.number}/{self.count}")
        answer = self.until_answered(asked)
        if answer is None:
            return
        if asked.kind == "purchase":
            self.purchases.append(answer["id"])
        if self.random.random() < 0.1:
            self.until_answered(asked, known=answer["id"])

    def _next(self, reference: str) -> Asked:
        luck, total = self.random.random(), {"amount": CENTS, "currency": "EUR"}
        member = self.random.choice(self.members)
        if luck < 0.15:
            return Asked("redemption", reference, {"reference": reference, "member_id": member, "points": 3})
        if luck < 0.25 and self.purchases:
            purchase = self.purchases.pop(self.random.randrange(len(self.purchases)))
            return Asked("refund", reference, {"reference": reference, "amount": total}, purchase)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = {"reference": reference, "member_id": member, "occurred_at": now, "total": total}
        return Asked("purchase", reference, body)

    def until_answered(self, asked: Asked, known: str | None = None) -> dict[str, Any] | None:
        """The object, written down unless it is the known one; None when the answer is that the balance doesn't allow it."""

        def attempt() -> dict[str, Any] | None:
            with self.journal.open_counter():
                answer = self._answer(asked)
                if answer is not None:
                    self._write_down(asked, answer, known)
                return answer

        return self._patiently(attempt)

    def until_told(self, asked: Asked) -> dict[str, Any] | None:
        """The same while the shop is closed; nothing is written down."""
        return self._patiently(lambda: self._answer(asked))

    def _patiently(self, attempt: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            answer = attempt()
            if answer is not None or self.is_refused:
                return answer
            time.sleep(0.1)
        raise AssertionError(f"a till was not answered within {PATIENCE_SECONDS} s: {self.heard}")

    def _write_down(self, asked: Asked, answer: dict[str, Any], known: str | None) -> None:
        if known is None or asked.reference in self.journal.given_up:
            self.journal.note(Answered(asked, answer["id"], points_of(asked.kind, answer)))
        else:
            assert answer["id"] == self.journal.id_now(known), f"{asked.reference} was done twice (I8)"

    def _answer(self, asked: Asked) -> dict[str, Any] | None:
        """The object; None when it is refused for good, or for now."""
        self.is_refused = False
        try:
            answer = self.session.post(f"{self.url}{self.journal.path(asked)}", json=asked.body, timeout=10)
        except requests.RequestException as error:
            self.heard = type(error).__name__
            self.journal.note_again(self.heard)
            return None
        if answer.status_code in (200, 201):
            found: dict[str, Any] = answer.json()
            return found
        why, self.heard = str(answer.status_code), answer.text
        if answer.status_code < 500:
            why = answer.json()["code"]
            self.is_refused = why == "insufficient_balance"
            assert self.is_refused or why in LATER, answer.text
        if not self.is_refused:
            self.journal.note_again(why)
        return None


def points_of(kind: str, answer: dict[str, Any]) -> int:
    """What an answered operation changed, signed."""
    if kind == "purchase":
        return int(answer["points"])
    if kind == "redemption":
        return -int(answer["points"])
    return -int(answer["reversed"]) - int(answer["debt"])
