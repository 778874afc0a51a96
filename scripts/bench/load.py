"""The load, from a process of its own: reads one job as JSON, keeps its connections busy for its seconds, prints what it saw."""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import threading
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

LINES: Final = 9
"""Of a basket, as in the grocer's year of docs/year.md."""


@dataclass(frozen=True)
class Job:
    """`path` is asked with GET; with `members`, POSTed to with a purchase of one of them each time; with `baskets` too, with so
    many purchases of LINES lines at once.
    """

    port: int
    path: str
    key: str
    seconds: float
    connections: int
    members: int = 0
    pause_seconds: float = 0.0  # between an answer and that connection's next request
    baskets: int = 0


@dataclass
class Seen:
    """Answers a second, and how long they took."""

    rate: float
    median_ms: float
    p99_ms: float
    failures: int


@dataclass
class _Times:
    seconds: list[float] = field(default_factory=list)
    failures: int = 0


def run(job: Job) -> Seen:
    """What all connections saw together; only answers below 300 count."""
    times = [_Times() for _ in range(job.connections)]
    until = time.perf_counter() + job.seconds
    threads = [threading.Thread(target=_keep_busy, args=(job, until, one)) for one in times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = sorted(second for one in times for second in one.seconds)
    failures = sum(one.failures for one in times)
    if not taken:
        return Seen(0.0, 0.0, 0.0, failures)
    p99 = taken[len(taken) * 99 // 100]
    return Seen(len(taken) / job.seconds, statistics.median(taken) * 1000, p99 * 1000, failures)


def _keep_busy(job: Job, until: float, times: _Times) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", job.port, timeout=30)
    headers = {"Authorization": f"Bearer {job.key}", "Content-Type": "application/json"}
    own, number = uuid.uuid4().hex, 0
    while (began := time.perf_counter()) < until:
        number += 1
        body = _body(job, f"{own}-{number}") if job.members else None
        began = time.perf_counter() if body else began
        connection.request("POST" if body else "GET", job.path, body, headers)
        answer = connection.getresponse()
        told = answer.read()
        if answer.status < 300 and b'"status":4' not in told:
            times.seconds.append(time.perf_counter() - began)
        else:
            times.failures += 1
        time.sleep(job.pause_seconds)
    connection.close()


def _body(job: Job, name: str) -> str:
    if not job.baskets:
        return json.dumps(_purchase(name, f"card-{hash(name) % job.members}"))
    names = [f"{name}-{number}" for number in range(job.baskets)]
    return json.dumps({"purchases": [_basket(one, f"card-{hash(one) % job.members}") for one in names]})


def _purchase(reference: str, card: str) -> dict[str, Any]:
    return {
        "reference": reference,
        "external_id": card,
        "occurred_at": datetime.now(UTC).isoformat(),
        "total": {"amount": 2390, "currency": "EUR"},
    }


def _basket(reference: str, card: str) -> dict[str, Any]:
    items = [
        {"line": line, "sku": f"sku-{line}", "category": "GROCERY", "quantity": 1, "amount": 250 + line}
        for line in range(1, LINES + 1)
    ]
    total = sum(item["amount"] for item in items)  # type: ignore[misc]
    return _purchase(reference, card) | {"total": {"amount": total, "currency": "EUR"}, "items": items}


if __name__ == "__main__":
    print(json.dumps(asdict(run(Job(**json.load(sys.stdin))))))
