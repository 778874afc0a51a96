"""Tills that never give up: each sends an operation until it is answered, and writes down what it was told."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

PATIENCE_SECONDS = 90
CENTS = 1000
LATER = {"program_paused", "rate_limited", "backlog_full", "member_frozen"}
"""Answers that a till waits out."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An operation that the service has accepted: `points` is what it changed, signed; a debt counts as paid."""

    kind: str
    path: str
    reference: str
    id: str
    points: int


@dataclass
class Journal:
    """What the tills know. Nothing in it may ever be lost, and nothing may happen that is not in it."""

    answered: list[Answered] = field(default_factory=list)
    asked_again: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, one: Answered) -> None:
        with self.lock:
            self.answered.append(one)

    def note_again(self, why: str) -> None:
        with self.lock:
            self.asked_again[why] += 1

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

    def work(self, until: Callable[[], bool]) -> None:
        while not until():
            self.serve_one()
        self.session.close()

    def serve_one(self) -> None:
        """A purchase, or points spent, or a refund; now and then the same once more."""
        self.count += 1
        reference = f"till-{self.number}/{self.count}"
        kind, path, body = self._next(reference)
        answer = self.until_answered(path, body)
        if answer is None:
            return
        if kind == "purchase":
            self.purchases.append(answer["id"])
        self.journal.note(Answered(kind, path, reference, answer["id"], _points(kind, answer)))
        if self.random.random() < 0.1:
            again = self.until_answered(path, body)
            assert again is not None
            assert again["id"] == answer["id"], f"{reference} was done twice (I8)"

    def _next(self, reference: str) -> tuple[str, str, dict[str, Any]]:
        luck, total = self.random.random(), {"amount": CENTS, "currency": "EUR"}
        member = self.random.choice(self.members)
        if luck < 0.15:
            return "redemption", "/v1/redemptions", {"reference": reference, "member_id": member, "points": 3}
        if luck < 0.25 and self.purchases:
            purchase = self.purchases.pop(self.random.randrange(len(self.purchases)))
            return "refund", f"/v1/purchases/{purchase}/refunds", {"reference": reference, "amount": total}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = {"reference": reference, "member_id": member, "occurred_at": now, "total": total}
        return "purchase", "/v1/purchases", body

    def until_answered(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The object; None when the answer is that the rules or the balance don't allow it."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            try:
                answer = self.session.post(f"{self.url}{path}", json=body, timeout=10)
            except requests.RequestException as error:
                self.journal.note_again(type(error).__name__)
                time.sleep(0.1)
                continue
            if answer.status_code in (200, 201):
                found: dict[str, Any] = answer.json()
                return found
            why = str(answer.status_code)
            if answer.status_code < 500:
                why = answer.json()["code"]
                if why == "insufficient_balance":
                    return None
                assert why in LATER, answer.text
            self.journal.note_again(why)
            time.sleep(0.1)
        raise AssertionError(f"{path} was not answered within {PATIENCE_SECONDS} s")


def _points(kind: str, answer: dict[str, Any]) -> int:
    if kind == "purchase":
        return int(answer["points"])
    if kind == "redemption":
        return -int(answer["points"])
    return -int(answer["reversed"]) - int(answer["debt"])
