"""A wire to a real node that can be cut, delayed and listened to. The node behind it is real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from token_service.chain.node import SEND_METHOD, Node
from token_service.errors import NodeUnreachable, WrongChain


@dataclass
class FaultyNode:
    """`lose_answers` sends are delivered, but their answers are lost; `refuse` sends never arrive. `is_down`: nothing answers;
    `is_elsewhere`: whoever answers serves another chain."""

    inner: Node
    lose_answers: int = 0
    refuse: int = 0
    is_down: bool = False
    is_elsewhere: bool = False
    sent: list[bytes] = field(default_factory=list)
    before_send: Callable[[bytes], object] = lambda raw: None

    def request(self, method: str, params: list[Any]) -> Any:
        if self.is_down:
            raise NodeUnreachable("the wire is cut")
        if self.is_elsewhere:
            raise WrongChain("no node serves the programme's chain")
        if method != SEND_METHOD:
            return self.inner.request(method, params)
        raw = bytes.fromhex(params[0][2:])
        self.before_send(raw)
        if self.refuse:
            self.refuse -= 1
            raise NodeUnreachable("the wire is cut before the node")
        self.sent.append(raw)
        answer = self.inner.request(method, params)
        if self.lose_answers:
            self.lose_answers -= 1
            raise NodeUnreachable("the wire is cut after the node")
        return answer
