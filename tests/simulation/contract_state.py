"""What the points contract remembers, in plain Python: integers and dictionaries that a block keeps and the next one copies."""

from __future__ import annotations

from dataclasses import dataclass, field

from token_service.units import CREDIT_KINDS

DAY = 86_400
NO_LIMIT = 2**64 - 1


@dataclass(slots=True)
class Party:
    """How much an issuer may give out in a window of time, and has."""

    ceiling: int
    period: int
    issued: int = 0
    window: int = 0

    def roll(self, now: int) -> None:
        window = now // self.period if self.period else 0
        if window != self.window:
            self.window, self.issued = window, 0

    def change(self, ceiling: int, period: int, now: int) -> None:
        """At once: the programme of the simulation has no notice period. What was issued in the window counts on."""
        self.roll(now)
        self.ceiling, self.period = ceiling, period
        self.window = now // period if period else 0


@dataclass(slots=True)
class OperatorLane:
    """An operator's sequence, and what they may still take today."""

    seq: int = 0
    limit: int = 0
    debited: int = 0
    day: int = 0

    def roll(self, now: int) -> None:
        if self.day != now // DAY:
            self.day, self.debited = now // DAY, 0


@dataclass(slots=True)
class ContractState:
    """The contract after some block. `roles` holds pairs of (role's hash, address); addresses are EIP-55 text."""

    roles: set[tuple[str, str]] = field(default_factory=set)
    rulesets: dict[str, int] = field(default_factory=dict)  # hash → in force from
    parties: dict[int, Party] = field(default_factory=dict)
    lanes: dict[str, OperatorLane] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    totals: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(1, 12), 0))
    paused_until: int = 0

    def copy(self) -> ContractState:
        return ContractState(
            set(self.roles),
            dict(self.rulesets),
            {number: Party(p.ceiling, p.period, p.issued, p.window) for number, p in self.parties.items()},
            {name: OperatorLane(lane.seq, lane.limit, lane.debited, lane.day) for name, lane in self.lanes.items()},
            dict(self.balances),
            set(self.frozen),
            dict(self.totals),
            self.paused_until,
        )

    def lane(self, operator: str) -> OperatorLane:
        return self.lanes.setdefault(operator, OperatorLane())

    @property
    def supply(self) -> int:
        adding = {int(kind) for kind in CREDIT_KINDS}
        return sum(points if kind in adding else -points for kind, points in self.totals.items())
