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


@dataclass(frozen=True)
class Job:
    """`path` is asked with GET; with `members`, POSTed to with a purchase of one of them each time."""

    port: int
    path: str
    key: str
    seconds: float
    connections: int
    members: int = 0
    pause_seconds: float = 0.0  # between an answer and that connection's next request


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
        body = _purchase(f"{own}-{number}", f"card-{hash((own, number)) % job.members}") if job.members else None
        connection.request("POST" if body else "GET", job.path, body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status < 300:
            times.seconds.append(time.perf_counter() - began)
        else:
            times.failures += 1
        time.sleep(job.pause_seconds)
    connection.close()


def _purchase(reference: str, card: str) -> str:
    return json.dumps(
        {
            "reference": reference,
            "external_id": card,
            "occurred_at": datetime.now(UTC).isoformat(),
            "total": {"amount": 2390, "currency": "EUR"},
        }
    )


if __name__ == "__main__":
    print(json.dumps(asdict(run(Job(**json.load(sys.stdin))))))
