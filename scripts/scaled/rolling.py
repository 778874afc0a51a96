"""Every process replaced under load, one after the other, as an upgrade does; a caller must not notice."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click
import requests

from scripts.scaled.processes import Processes
from token_service.app import Application
from token_service.cli.demo import MERCHANT
from token_service.cli.output import number
from token_service.ledger.api_keys import create_api_key
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewApiKey
from token_service.ledger.merchants import find_merchant

TILLS = 4
BREATH_SECONDS = 0.08
"""Between two purchases of a till: load enough that some request is always under way."""
CENTS = 1000
COUNTED = re.compile(r'^mereau_requests_total\{method="POST",route="/v1/purchases",status="201"\} (\S+)', re.MULTILINE)


@dataclass
class Journal:
    """What the tills were answered; `waited_seconds` is the longest answer. `asked_again`: how often a connection closed without
    one.
    """

    answered: int = 0
    points: int = 0
    waited_seconds: float = 0.0
    asked_again: int = 0
    failed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, points: int, seconds: float) -> None:
        with self.lock:
            self.answered += 1
            self.points += points
            self.waited_seconds = max(self.waited_seconds, seconds)

    def note_again(self) -> None:
        with self.lock:
            self.asked_again += 1

    def note_failure(self, why: str) -> None:
        with self.lock:
            self.failed.append(why)


def roll_all(application: Application, processes: Processes, url: str) -> bool:
    """Whether no request failed and the members have just the points that the tills were told. Says so."""
    key = _key(application)
    members = [_member(url, key, number) for number in range(TILLS)]
    journal = Journal()
    started = time.monotonic()
    with _ringing_up(url, key, members, journal):
        for name in processes.names:
            processes.restart(name)
    points = sum(_points(url, key, member) for member in members)
    click.echo(
        f"Replaced {', '.join(processes.names)} in {time.monotonic() - started:.0f} s: {number(journal.answered)} purchases, "
        f"{len(journal.failed)} failed, {journal.asked_again} asked again, the slowest answer in {journal.waited_seconds:.1f} s; "
        f"{number(journal.points)} points promised, {number(points)} there; {number(_counted(url))} counted since in /metrics"
    )
    for why in journal.failed[:5]:
        click.echo(f"  {why}", err=True)
    return not journal.failed and points == journal.points


@contextmanager
def _ringing_up(url: str, key: str, members: list[str], journal: Journal) -> Iterator[None]:
    """Half of the tills keep their connection open, as a proxy does; the others open one for each request."""
    stop = threading.Event()
    tills = []
    for till, member in enumerate(members):
        session = requests.Session()
        session.headers.update(_headers(key) if till % 2 else {**_headers(key), "Connection": "close"})
        tills.append(threading.Thread(target=_ring_up, args=(session, url, member, journal, stop)))
    for each in tills:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in tills:
            each.join()


def _ring_up(session: requests.Session, url: str, member: str, journal: Journal, stop: threading.Event) -> None:
    with session:
        count = 0
        while not stop.wait(BREATH_SECONDS):
            count += 1
            body = {
                "reference": f"roll/{member}/{count}",
                "member_id": member,
                "occurred_at": datetime.now(UTC).isoformat(),
                "total": {"amount": CENTS, "currency": "EUR"},
            }
            began = time.monotonic()
            try:
                answer = _post(session, f"{url}/v1/purchases", body, journal)
                answer.raise_for_status()
            except requests.RequestException as error:
                journal.note_failure(repr(error))
                continue
            journal.note(answer.json()["points"], time.monotonic() - began)


def _post(session: requests.Session, url: str, body: dict[str, object], journal: Journal) -> requests.Response:
    """Asked once more when the connection closes without an answer: a request may meet the end of a connection that was kept open
    (RFC 9112 §9.3.1), and the same reference makes that safe, as docs/api.md tells every till.
    """
    try:
        return session.post(url, json=body, timeout=30)
    except requests.ConnectionError:
        journal.note_again()
        return session.post(url, json=body, timeout=30)


def _key(application: Application) -> str:
    admin = Actor.admin("demo")
    merchant = find_merchant(application.context, admin, MERCHANT)
    assert merchant is not None
    return create_api_key(application.context, admin, NewApiKey("rolling restart", merchant.id)).secret


def _member(url: str, key: str, number: int) -> str:
    answer = requests.post(
        f"{url}/v1/members", json={"external_id": f"roll-{number}"}, headers=_headers(key), timeout=30
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def _points(url: str, key: str, member: str) -> int:
    answer = requests.get(f"{url}/v1/members/{member}/balance", headers=_headers(key), timeout=30)
    answer.raise_for_status()
    found = answer.json()
    return int(found["available"]) + int(found["pending"])


def _counted(url: str) -> int:
    """Purchases that the web processes of now have counted together, whichever of them is asked."""
    asked = {requests.get(f"{url}/metrics", headers={"Connection": "close"}, timeout=30).text for _ in range(4)}
    counts = {sum(int(float(count)) for count in COUNTED.findall(text)) for text in asked}
    if len(counts) != 1:
        raise click.ClickException(f"the web processes count apart: {sorted(counts)}")
    return counts.pop()


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
