"""Who calls the API in the tests: a client with a key, and its answers."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RULESET = """
ruleset: 1
program: {name: Les Halles, currency: EUR, time_zone: Europe/Paris, point_value: {points: 100, amount: 1000}}
earning:
  - {id: base, kind: spend, points: 1, per: 100, basis: net, rounding: floor}
  - {id: review, kind: event, event: review.written, points: 20}
accept_late: P30D
limits: {manual_issuance_points: 5000}
rewards:
  - {id: free-coffee, kind: gift, points: 100}
"""

_references = count(1)


def new_reference() -> str:
    """A reference that no test used before."""
    return f"ref-{next(_references)}"


@dataclass
class MovedClock:
    """The time, which tests move."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass
class Caller:
    """A client with one key (or none)."""

    app: Flask
    key: str | None = field(default=None, repr=False)
    merchant_id: str | None = None

    def headers(self, **more: str) -> dict[str, str]:
        own = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return own | {name.replace("_", "-"): value for name, value in more.items()}

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.app.test_client().get(path, query_string=query or None, headers=self.headers())

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.app.test_client().post(path, json=body, headers=self.headers(**headers))

    def put(self, path: str, body: Any) -> TestResponse:
        return self.app.test_client().put(path, json=body, headers=self.headers())

    def patch(self, path: str, body: Any) -> TestResponse:
        return self.app.test_client().patch(path, json=body, headers=self.headers())

    def send(self, path: str, body: bytes, content_type: str | None = "application/json") -> TestResponse:
        """A POST of these very bytes."""
        return self.app.test_client().post(path, data=body, content_type=content_type, headers=self.headers())

    # --- what most tests need first -------------------------------------------------------------------------------------

    def enrol(self, external_id: str | None = None, **more: Any) -> dict[str, Any]:
        return done(self.post("/v1/members", {"external_id": external_id or new_reference(), **more}), 201)

    def buy(self, member_id: str, amount: int = 2390, **more: Any) -> dict[str, Any]:
        return done(self.post("/v1/purchases", purchase(member_id, amount, **more)), 201)

    def balance(self, member_id: str) -> dict[str, Any]:
        return done(self.get(f"/v1/members/{member_id}/balance"))


def purchase(member_id: str, amount: int = 2390, **more: Any) -> dict[str, Any]:
    """The body of a purchase."""
    return {
        "reference": new_reference(),
        "member_id": member_id,
        "occurred_at": "2026-11-22T11:58:00Z",
        "total": {"amount": amount, "currency": "EUR"},
        **more,
    }


def done(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """The JSON of an answer that has this status."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/json"
    answer: dict[str, Any] = json_module.loads(response.get_data())
    return answer


def refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer that has this status and code; every problem is whole."""
    problem: dict[str, Any] = json_module.loads(response.get_data())
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.mimetype == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"/docs#error-{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == response.headers["X-Request-Id"]
    return problem
