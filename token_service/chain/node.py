"""A chain node as the worker sees it: one JSON-RPC call in, one JSON result out; behind it, one endpoint or several.

Reads are tried again, on the endpoint that answered last and then on the others; a send goes once to every endpoint, because an
answer that got lost does not mean that the transaction did (DESIGN §5, rule D). An endpoint of another chain is never used, one
that lags behind never read from. Typed reads over a Node are in reads.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from token_service.chain.endpoints import Endpoint, Health, Identity, Observer
from token_service.chain.json_rpc import BoundedSession, http_transport, is_behind
from token_service.chain.send_errors import mildest
from token_service.errors import NodeUnreachable, RpcError, WrongChain

SEND_METHOD: Final = "eth_sendRawTransaction"
READ_ROUNDS: Final = 3
"""How often each endpoint is asked before a read fails."""
PAUSE_SECONDS: Final = 0.1
"""Wait between rounds; doubles each time."""
TOTAL_SECONDS_MAX: Final = 20.0
"""No further try of a read begins after this long."""
LOOK_SECONDS: Final = 2.0
"""How often the heads of several endpoints are compared, and how long each may take to say its own."""
LAG_BLOCKS: Final = 2
"""An endpoint this far behind the best is as good as the best."""


class Node(Protocol):
    """Anything that answers JSON-RPC: HttpNode, or the embedded chain."""

    def request(self, method: str, params: list[Any]) -> Any:
        """The result as JSON values. Raises RpcError for an error answer, NodeUnreachable for no sensible one."""
        ...


class OneEndpoint:
    """A Node that asks one endpoint only, once: what it says belongs together."""

    def __init__(self, endpoint: Endpoint, timeout_seconds: float) -> None:
        self._endpoint, self._timeout_seconds = endpoint, timeout_seconds

    def request(self, method: str, params: list[Any]) -> Any:
        return self._endpoint.ask(method, params, self._timeout_seconds)


class NodePool:
    """Several endpoints of the same chain as one Node. `identity` is the chain that each must serve; without one, that of the
    first which answers."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        identity: Identity | None = None,
        timeout_seconds: float = 10.0,
        read_rounds: int = READ_ROUNDS,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if not endpoints:
            raise ValueError("no node URL")
        self._endpoints, self._identity = tuple(endpoints), identity
        self._timeout_seconds, self._read_rounds = timeout_seconds, read_rounds
        self._monotonic, self._sleep = monotonic, sleep
        self._preferred = self._endpoints[0]
        self._look_at = 0.0

    def request(self, method: str, params: list[Any]) -> Any:
        return self._send(params) if method == SEND_METHOD else self._read(method, params)

    def up_to_date(self, at_least: int, *, now: bool = False) -> list[Node]:
        """Each endpoint that may be read from as a Node of its own, the highest first; none of them ends below the block. `now`:
        as they stand now, and not a moment ago."""
        if len(self._endpoints) == 1:
            return [self]
        self._look_around(now=now)
        found = self._reaching(at_least)
        if not found and not now:
            self._look_around(now=True)
            found = self._reaching(at_least)
        return [OneEndpoint(endpoint, self._timeout_seconds) for endpoint in found]

    def _reaching(self, height: int) -> list[Endpoint]:
        alive = [endpoint for endpoint in self._current() if not endpoint.has_failed]
        heads = {endpoint: head for endpoint in alive if (head := endpoint.head) is not None}
        found = [endpoint for endpoint, head in heads.items() if head >= height]
        return sorted(found, key=lambda endpoint: (-heads[endpoint], endpoint is not self._preferred))

    def health(self) -> list[Health]:
        """Every endpoint as of now."""
        least = self._best_head() - LAG_BLOCKS
        return [
            endpoint.health(is_lagging=endpoint.head is not None and endpoint.head < least)
            for endpoint in self._endpoints
        ]

    def refuse_strangers(self) -> None:
        """Raises WrongChain if an endpoint is known to serve another chain than the others."""
        wrong = [endpoint.wrong for endpoint in self._endpoints if endpoint.wrong is not None]
        if wrong:
            raise WrongChain(f"MEREAU_RPC_URL names nodes of several chains: {'; '.join(wrong)}")

    def _read(self, method: str, params: list[Any]) -> Any:
        until = self._monotonic() + TOTAL_SECONDS_MAX
        pause, refusal = PAUSE_SECONDS, None
        for round_number in range(self._read_rounds):
            for endpoint in self._by_preference():
                try:
                    if self._is_ours(endpoint):
                        result = endpoint.ask(method, params, self._timeout_seconds)
                        self._preferred = endpoint
                        return result
                except NodeUnreachable:
                    pass
                except RpcError as error:
                    if len(self._endpoints) == 1 or not is_behind(error):
                        raise
                    refusal = error
                if self._monotonic() >= until:
                    raise refusal or self._nobody(method)
            if round_number + 1 < self._read_rounds:
                self._sleep(pause)
                pause *= 2
        raise refusal or self._nobody(method)

    def _send(self, params: list[Any]) -> Any:
        """The first acceptance, or else the mildest refusal in words, or else NodeUnreachable. Who failed a moment ago gets it
        too where nobody else took it."""
        refusals: list[RpcError] = []
        accepted: list[Any] = []
        for endpoint in sorted(self._endpoints, key=lambda endpoint: endpoint.is_resting):
            if accepted and endpoint.is_resting:
                break
            try:
                if self._is_ours(endpoint):
                    accepted.append(endpoint.ask(SEND_METHOD, params, self._timeout_seconds))
            except NodeUnreachable:
                continue
            except RpcError as error:
                refusals.append(error)
        if accepted:
            return accepted[0]
        raise mildest(refusals) or self._nobody(SEND_METHOD)

    def _by_preference(self) -> Iterator[Endpoint]:
        """Who may be read from: the preferred one, others that are well, and at last those that failed a moment ago."""
        self._look_around()
        current = self._current()
        yield from sorted(current, key=lambda endpoint: endpoint is not self._preferred)
        yield from (endpoint for endpoint in self._endpoints if endpoint not in current and endpoint.is_resting)

    def _current(self) -> list[Endpoint]:
        """Endpoints that answer, serve our chain as far as is known, and don't lag behind."""
        least = self._best_head() - LAG_BLOCKS
        return [
            endpoint
            for endpoint in self._endpoints
            if not (endpoint.is_resting or endpoint.is_excluded) and (endpoint.head is None or endpoint.head >= least)
        ]

    def _best_head(self) -> int:
        """The highest head of those that answer; of three or more the second, so that one alone cannot put all others aside."""
        alive = [endpoint for endpoint in self._endpoints if not (endpoint.has_failed or endpoint.is_excluded)]
        heads = sorted((endpoint.head for endpoint in alive if endpoint.head is not None), reverse=True)
        if not heads:
            return 0
        return heads[1] if len(heads) >= 3 else heads[0]

    def _look_around(self, *, now: bool = False) -> None:
        """Compares the heads, from time to time, where there are several."""
        if len(self._endpoints) == 1 or (not now and self._monotonic() < self._look_at):
            return
        self._look_at = self._monotonic() + LOOK_SECONDS
        possible = [endpoint for endpoint in self._endpoints if not endpoint.is_excluded]
        rested = [endpoint for endpoint in possible if not endpoint.is_resting]
        for endpoint in rested or possible:  # nobody rests while there is nobody else
            try:
                if self._is_ours(endpoint):
                    endpoint.look(LOOK_SECONDS)
            except (NodeUnreachable, RpcError):
                continue

    def _is_ours(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint serves our chain. Raises as `Endpoint.ask`."""
        if endpoint.is_verified:
            return True
        if endpoint.is_excluded:
            return False
        seconds = min(LOOK_SECONDS, self._timeout_seconds)
        if self._identity is None:
            if len(self._endpoints) == 1:
                return True  # nothing to compare it with
            self._identity = endpoint.identity(seconds)
        return endpoint.verify(self._identity, seconds)

    def _nobody(self, method: str) -> NodeUnreachable | WrongChain:
        wrong = [endpoint.wrong for endpoint in self._endpoints if endpoint.wrong is not None]
        if len(wrong) == len(self._endpoints):
            return WrongChain(f"no node serves the programme's chain: {'; '.join(wrong)}")
        return NodeUnreachable("no chain node answered", method=method)


class HttpNode(NodePool):
    """One or several URLs of the same chain, asked over HTTP."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        identity: Identity | None = None,
        timeout_seconds: float = 10.0,
        read_rounds: int = READ_ROUNDS,
        observer: Observer = lambda label, method, seconds, outcome: None,
    ) -> None:
        self._session = BoundedSession()
        endpoints = [
            Endpoint(label, http_transport(url, self._session), monotonic=time.monotonic, observer=observer)
            for label, url in zip(_labels(urls), urls, strict=True)
        ]
        super().__init__(endpoints, identity=identity, timeout_seconds=timeout_seconds, read_rounds=read_rounds)

    def close(self) -> None:
        self._session.close()


def _labels(urls: Sequence[str]) -> list[str]:
    """Hosts' names, with the place in the list where a host stands there twice."""
    hosts = [urlsplit(url).hostname or "node" for url in urls]
    return [f"{host}#{place}" if hosts.count(host) > 1 else host for place, host in enumerate(hosts, start=1)]


def up_to_date(node: Node, at_least: int = 0, *, now: bool = False) -> list[Node]:
    """Nodes to read from, each of which speaks for itself; only the node where it is not several. May be none."""
    return node.up_to_date(at_least, now=now) if isinstance(node, NodePool) else [node]


def all_health(node: Node) -> list[Health]:
    """How each of several endpoints stands; nothing for a single one."""
    found = node.health() if isinstance(node, NodePool) else []
    return found if len(found) > 1 else []
