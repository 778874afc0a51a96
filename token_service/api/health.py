"""Whether the service is alive, ready, and how far behind the chain it is: for probes, people and Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, Literal, cast

import structlog
from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from token_service.api.access import public
from token_service.api.answers import Answer, Instant, respond
from token_service.api.replays import REPLAYED_HEADER
from token_service.api.routing import Routes
from token_service.api.services import ledger, services
from token_service.errors import MereauError
from token_service.ledger import program_setup
from token_service.ledger.context import Context
from token_service.ledger.reconciling import last_agreement
from token_service.ledger.refusals import refusals_by_code
from token_service.ledger.settlement_figures import lane_views, settled, unsettled
from token_service.ledger.settlement_gauges import settlement_gauges
from token_service.ledger.settlement_health import chain_place

routes = Routes("health", __name__, abp_tags=[{"name": "Operation"}])
_KEY: Final = "mereau_metrics"
_TEXT = {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}
BUCKETS_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

ADMISSION: Final = frozenset(
    {"backlog_full", "too_many_requests", "references_unknown", "database_busy", "program_paused"}
)
"""Refusals that pass by themselves: the caller comes again."""
CONFLICTS: Final = frozenset({"reference_conflict", "idempotency_key_reused"})


class HealthAnswer(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadinessAnswer(Answer):
    """`ok` when every check passed; a failed one says the code of its error, or `failed`."""

    status: Literal["ok", "not_ready"]
    checks: dict[str, str]


class LaneAnswer(Answer):
    """One operator account that settles, and why it stands still, if it does."""

    number: int
    operator: str
    state: str
    code: str | None
    reason: str | None
    retiring: bool
    next_seq: int
    next_nonce: int


class StatusAnswer(Answer):
    """How far settlement is: what waits, what is final, and what it cost."""

    object: Literal["status"] = "status"
    version: str
    now: Instant
    moved_clock: bool
    unsettled: int
    oldest_unsettled_at: Instant | None
    batches: int
    entries: int
    facts: int
    gas: int
    head: int | None
    final: int | None
    reconciled_at: Instant | None
    lanes: list[LaneAnswer]


class Metrics:
    """What this process counts. Each app has its own registry; how settlement stands is read when asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("mereau_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "mereau_request_seconds",
            "Time to answer.",
            ("method", "route"),
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        )
        self.rejected = self._counter("admission_rejected", "Calls turned away for now.", "reason")
        self.conflicts = self._counter("idempotency_conflicts", "A name used before for something else.", "code")
        self.replays = self._counter("idempotent_replays", "Calls answered with what was recorded before.")

    def as_seen_by_all(self) -> CollectorRegistry:
        """What every web process of this host counts, where they count together (token_service/cli/counting); else this one."""
        if not values.ValueClass._multiprocess:
            return self.registry
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return together

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"mereau_{name}", help_, labels, registry=self.registry)

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)

    def observe_answer(self, *, code: str | None, is_replayed: bool) -> None:
        """Count what the answer was, beside its status; `code` is a refusal's."""
        if code in ADMISSION:
            self.rejected.labels(code).inc()
        if code in CONFLICTS:
            self.conflicts.labels(code).inc()
        if is_replayed:
            self.replays.inc()


def count_requests(app: Flask) -> None:
    """Count every request that meets a rule of the API."""
    metrics = Metrics()
    app.extensions[_KEY] = metrics

    @app.before_request
    def start() -> None:
        g.started_seconds = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        if g.get("access") is not None and request.url_rule is not None and "started_seconds" in g:
            seconds = time.perf_counter() - g.started_seconds
            metrics.observe(
                method=request.method, route=request.url_rule.rule, status=response.status_code, seconds=seconds
            )
            is_replayed = response.headers.get(REPLAYED_HEADER) == "true"
            metrics.observe_answer(code=g.get("problem_code"), is_replayed=is_replayed)
        return response


@routes.get("/healthz", responses={200: HealthAnswer})
@public(operational=True)
def healthz() -> Response:
    """Whether the process answers; reads nothing."""
    return respond(HealthAnswer())


@routes.get("/readyz", responses={200: ReadinessAnswer, 503: ReadinessAnswer})
@public(operational=True)
def readyz() -> Response:
    """Whether the service can do its work: database, programme, worker."""
    checks: dict[str, Callable[[], object]] = {
        "program": lambda: program_setup.get_program(ledger()),
        **services().readiness,
    }
    results = {name: _result(check) for name, check in checks.items()}
    ready = all(result == "ok" for result in results.values())
    return respond(ReadinessAnswer(status="ok" if ready else "not_ready", checks=results), 200 if ready else 503)


def _result(check: Callable[[], object]) -> str:
    try:
        check()
    except MereauError as error:
        return error.code
    except Exception as error:  # whatever it is, the answer is no; the log has its name
        structlog.get_logger().error("readiness check failed", error=type(error).__name__)
        return "failed"
    return "ok"


@routes.get("/status", responses={200: StatusAnswer})
@public(operational=True)
def status() -> Response:
    """How far settlement is."""
    context = ledger()
    waiting, done = unsettled(context.store), settled(context.store)
    with context.store.read() as connection:
        place = chain_place(connection)
    return respond(
        StatusAnswer(
            version=services().version,
            now=context.now(),
            moved_clock=services().moved_clock,
            unsettled=waiting.count,
            oldest_unsettled_at=waiting.oldest_at,
            batches=done.batches,
            entries=done.entries,
            facts=done.facts,
            gas=done.gas,
            lanes=[LaneAnswer.of(lane) for lane in lane_views(context.store)],
            head=place.head,
            final=place.final,
            reconciled_at=last_agreement(context.store),
        )
    )


@routes.get("/metrics", responses={200: _TEXT})
@public(operational=True)
def metrics_text() -> Response:
    """Figures for Prometheus."""
    metrics = cast(Metrics, current_app.extensions[_KEY])
    context = ledger()
    standing = CollectorRegistry(auto_describe=False)
    standing.register(_Standing(context))
    text = generate_latest(metrics.as_seen_by_all()) + generate_latest(standing)
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Standing(Collector):
    """How settlement stands, read when it is asked."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        now = self._context.now()
        waiting = unsettled(self._context.store)
        age = (now - waiting.oldest_at).total_seconds() if waiting.oldest_at else 0.0
        yield GaugeMetricFamily("mereau_unsettled_leaves", "Entries and facts not final yet.", waiting.count)
        yield GaugeMetricFamily("mereau_oldest_unsettled_seconds", "Age of the oldest of them.", max(age, 0.0))
        refused = GaugeMetricFamily(
            "mereau_refusals", "Calls that limits and ceilings refused, of 400 days.", labels=["code"]
        )
        for code, times in refusals_by_code(self._context.store).items():
            refused.add_metric([code], times)
        yield refused
        for gauge in settlement_gauges(self._context.store, now):
            make = CounterMetricFamily if gauge.is_counter else GaugeMetricFamily
            family = make(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in gauge.values.items():
                family.add_metric(labels, value)
            yield family
