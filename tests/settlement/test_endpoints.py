"""Several endpoints as one node: who is asked, who is left alone, and what is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from token_service.chain.endpoints import Endpoint, Identity
from token_service.chain.json_rpc import Outcome
from token_service.chain.node import NodePool, up_to_date
from token_service.errors import NodeUnreachable, RpcError, WrongChain

GENESIS = "0x" + "11" * 32
OURS = Identity(1, GENESIS)


@dataclass
class Fake:
    """An endpoint in memory. `fails` raises it for every call; `refuses` raises for sends."""

    name: str
    head: int = 100
    chain_id: int = 1
    genesis: str = GENESIS
    fails: Exception | None = None
    refuses: str | None = None
    calls: list[str] = field(default_factory=list)

    def __call__(self, method: str, params: list[Any], seconds: float) -> Any:
        self.calls.append(method)
        if self.fails is not None:
            raise self.fails
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_getBlockByNumber":
            number = {"latest": self.head, "0x0": 0}.get(params[0], self.head)
            return {"number": hex(number), "hash": self.genesis if number == 0 else f"{self.name}{number}"}
        if method == "eth_sendRawTransaction" and self.refuses is not None:
            raise RpcError(self.refuses)
        return self.name


@dataclass
class Time:
    """A clock that only pauses move."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


Seen = list[tuple[str, str, Outcome]]


def pool(
    *fakes: Fake, identity: Identity | None = OURS, time: Time | None = None, seen: Seen | None = None
) -> NodePool:
    clock = time or Time()
    notes: Seen = [] if seen is None else seen

    def observe(label: str, method: str, seconds: float, outcome: Outcome) -> None:
        notes.append((label, method, outcome))

    endpoints = [Endpoint(fake.name, fake, monotonic=clock, observer=observe) for fake in fakes]
    return NodePool(endpoints, identity=identity, monotonic=clock, sleep=clock.sleep)


def gone() -> NodeUnreachable:
    return NodeUnreachable("away", outcome=Outcome.UNREACHABLE)


def test_a_read_goes_on_at_the_next_endpoint_and_stays_there() -> None:
    a, b, time = Fake("a"), Fake("b"), Time()
    node = pool(a, b, time=time)
    assert node.request("eth_call", []) == "a"
    a.fails = gone()
    assert node.request("eth_call", []) == "b"
    a.fails = None
    time.now += 10
    assert node.request("eth_call", []) == "b"


def test_an_endpoint_that_keeps_failing_is_asked_ever_more_rarely() -> None:
    a, b, time = Fake("a", fails=gone()), Fake("b"), Time()
    node = pool(a, b, time=time)
    for _ in range(600):
        assert node.request("eth_call", []) == "b"
        time.now += 1
    assert 5 <= len(a.calls) <= 15  # 0.5, 1, 2, 4 … 120 seconds apart
    assert [health.state for health in node.health()] == ["resting", "well"]


def test_after_a_long_outage_of_all_nobody_is_waited_for() -> None:
    a, b, time = Fake("a", fails=gone()), Fake("b", fails=gone()), Time()
    node = pool(a, b, time=time)
    for _ in range(100):
        with pytest.raises(NodeUnreachable):
            node.request("eth_call", [])
        assert up_to_date(node) == []
    a.fails = b.fails = None
    time.now += 3
    assert len(up_to_date(node)) == 2


def test_an_endpoint_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    busy = NodeUnreachable("busy", outcome=Outcome.RATE_LIMITED, wait_seconds=30.0)
    a, b, time = Fake("a"), Fake("b"), Time()
    node = pool(a, b, time=time)
    node.request("eth_call", [])
    a.fails = busy
    node.request("eth_call", [])
    asked = len(a.calls)
    for _ in range(29):
        time.now += 1
        assert node.request("eth_call", []) == "b"
    assert len(a.calls) == asked
    a.fails = None
    time.now += 2
    node.request("eth_call", [])
    assert len(a.calls) > asked


def test_a_read_that_nobody_answers_ends_in_bounded_time() -> None:
    time = Time()

    def hang(method: str, params: list[Any], seconds: float) -> Any:
        time.now += seconds
        raise NodeUnreachable("too late", outcome=Outcome.TIMEOUT)

    endpoints = [Endpoint(name, hang, monotonic=time, observer=lambda *_: None) for name in "abc"]
    node = NodePool(endpoints, monotonic=time, sleep=time.sleep, identity=None)
    begun = time.now
    with pytest.raises(NodeUnreachable):
        node.request("eth_call", [])
    assert time.now - begun <= 30


@pytest.mark.parametrize("wrong", [{"chain_id": 2}, {"genesis": "0x" + "22" * 32}])
def test_an_endpoint_of_another_chain_is_never_used_and_said_so(wrong: dict[str, Any]) -> None:
    stranger, ours = Fake("stranger", head=10_000, **wrong), Fake("ours")
    node = pool(stranger, ours)
    assert node.request("eth_call", []) == "ours"
    assert node.request("eth_sendRawTransaction", ["0x"]) == "ours"
    assert {"eth_call", "eth_sendRawTransaction"}.isdisjoint(stranger.calls)
    assert [health.state for health in node.health()] == ["wrong_chain", "well"]
    with pytest.raises(WrongChain, match="stranger"):
        node.refuse_strangers()


def test_only_endpoints_of_another_chain_are_worse_than_none() -> None:
    with pytest.raises(WrongChain):
        pool(Fake("a", chain_id=2)).request("eth_call", [])


def test_an_endpoint_that_comes_back_as_another_chain_is_found_out() -> None:
    a, b, time = Fake("a"), Fake("b"), Time()
    node = pool(a, b, time=time)
    assert node.request("eth_call", []) == "a"
    a.fails = gone()
    node.request("eth_call", [])
    a.fails, a.chain_id = None, 2
    time.now += 10
    b.fails = gone()
    with pytest.raises(NodeUnreachable):
        node.request("eth_call", [])
    assert a.calls.count("eth_call") == 2
    assert [health.state for health in node.health()] == ["wrong_chain", "resting"]


def test_an_endpoint_that_lags_is_not_read_from_but_gets_every_transaction() -> None:
    behind, best, time = Fake("behind", head=97), Fake("best", head=100), Time()
    node = pool(behind, best, time=time)
    assert node.request("eth_call", []) == "best"
    assert [view.request("eth_call", []) for view in up_to_date(node, 100)] == ["best"]
    node.request("eth_sendRawTransaction", ["0x"])
    assert "eth_sendRawTransaction" in behind.calls
    behind.head = 99
    time.now += 10
    assert [view.request("eth_call", []) for view in up_to_date(node, 99)] == ["best", "behind"]
    assert [view.request("eth_call", []) for view in up_to_date(node, 101)] == []


def test_one_endpoint_of_three_cannot_put_the_others_aside() -> None:
    boaster = Fake("boaster", head=10**9)
    node = pool(boaster, Fake("b"), Fake("c"))
    assert {view.request("eth_call", []) for view in up_to_date(node, 100)} == {"boaster", "b", "c"}


def test_when_the_best_is_gone_the_next_best_is_read() -> None:
    best, behind, time = Fake("best", head=200), Fake("behind", head=100), Time()
    node = pool(best, behind, time=time)
    assert node.request("eth_call", []) == "best"
    best.fails = gone()
    assert node.request("eth_call", []) == "behind"
    assert up_to_date(node, 150) == []  # it may not have what was seen already


@pytest.mark.parametrize(
    ("first", "second", "heard"),
    [
        ("nonce too low", "nonce too high", "nonce too low"),
        ("exceeds transaction gas cap", "insufficient funds", "insufficient funds"),
        ("exceeds transaction gas cap", "something new", "something new"),
        ("insufficient funds", "already known", "already known"),
    ],
)
def test_of_two_refusals_the_milder_counts(first: str, second: str, heard: str) -> None:
    with pytest.raises(RpcError, match=heard):
        pool(Fake("a", refuses=first), Fake("b", refuses=second)).request("eth_sendRawTransaction", ["0x"])


def test_one_acceptance_is_enough() -> None:
    assert pool(Fake("a", refuses="insufficient funds"), Fake("b")).request("eth_sendRawTransaction", ["0x"]) == "b"


def test_every_call_is_observed_by_label_and_outcome() -> None:
    seen: Seen = []
    pool(Fake("a", fails=gone()), Fake("b"), seen=seen).request("eth_call", [])
    assert ("a", "eth_chainId", Outcome.UNREACHABLE) in seen
    assert seen[-1] == ("b", "eth_call", Outcome.OK)


def test_a_block_that_one_endpoint_does_not_have_is_asked_of_the_next() -> None:
    def answering(raises: Exception | None) -> Callable[[str, list[Any], float], Any]:
        fake = Fake("x")

        def transport(method: str, params: list[Any], seconds: float) -> Any:
            if method == "eth_call" and raises is not None:
                raise raises
            return fake(method, params, seconds)

        return transport

    for refusal, is_answered in ((RpcError("header not found"), True), (RpcError("execution reverted"), False)):
        time = Time()
        endpoints = [
            Endpoint(name, answering(error), monotonic=time, observer=lambda *_: None)
            for name, error in (("a", refusal), ("b", None))
        ]
        node = NodePool(endpoints, identity=OURS, monotonic=time, sleep=time.sleep)
        if is_answered:
            assert node.request("eth_call", []) == "x"
        else:
            with pytest.raises(RpcError, match="reverted"):
                node.request("eth_call", [])
