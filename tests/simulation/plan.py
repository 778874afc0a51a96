"""What one seed decides beforehand: how many lanes and workers, which chain, which troubles, how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from fake_node import Faults

TROUBLES = (
    "reorg", "forget", "spike", "pause", "freeze", "funds", "role", "ceiling", "debit_limit", "jump", "order", "sleep", "retire",
    "thief",
)  # fmt: skip
"""Names of troubles.py."""
BUDGETS = (6 * 10**15, 2 * 10**16, 10**17)
"""The first pays for one or two batches a day, as gas is at the beginning."""


@dataclass(frozen=True)
class Plan:
    """`confirmations` None: finality by the node's `finalized` tag. Chances are per failpoint; `weights` per step.
    `gas_budget` is a day's, in wei; with one all clocks agree, so that a day is the same for everybody.
    """

    seed: int
    lanes: int
    workers: int
    depth: int
    confirmations: int | None
    strict: bool
    faults: Faults
    crash: float
    switch: float
    busy: float
    skew_seconds: int
    signer_fails: float
    batch_entries_max: int
    in_flight_max: int
    steps: int
    fullness: float
    troubles: tuple[str, ...]
    gas_budget: int | None

    def __str__(self) -> str:
        lines = [f"{name} = {value}" for name, value in vars(self).items() if name != "seed"]
        return f"seed {self.seed}\n  " + "\n  ".join(lines)


def plan_of(seed: int, lanes: int | None = None) -> Plan:
    """The plan of a seed; `lanes` overrides how many lanes it has."""
    dice = random.Random(f"plan {seed}")
    depth = dice.choice((1, 2, 3, 6))

    def chance(*values: float) -> float:
        return dice.choice(values)

    faults = Faults(
        unreachable=chance(0, 0, 0.01, 0.05),
        garbage=chance(0, 0, 0.01),
        no_receipt=chance(0, 0, 0.1, 0.4),
        stale=chance(0, 0, 0.02, 0.15),
        lost_before=chance(0, 0.1, 0.3),
        lost_after=chance(0, 0.1, 0.3),
        refused=chance(0, 0, 0.1),
    )
    drawn = dice.choice((1, 2))
    usual = [name for name in TROUBLES if name not in ("thief", "retire")]
    troubles = dice.sample(usual, dice.randint(1, len(usual)))
    count = lanes or drawn
    if dice.random() < 0.1:
        troubles.append("thief")
    if count > 1 and dice.random() < 0.2:
        troubles.append("retire")
    made = Plan(
        seed=seed,
        lanes=count,
        workers=dice.choice((1, 2, 2, 3)),
        depth=depth,
        confirmations=dice.choice((depth, None)),
        strict=dice.random() < 0.2,
        faults=faults,
        crash=chance(0, 0.01, 0.03),
        switch=chance(0.02, 0.1, 0.3),
        busy=chance(0, 0, 0.02),
        skew_seconds=dice.choice((0, 0, 5, 3600)),
        signer_fails=chance(0, 0, 0, 0.2),
        batch_entries_max=dice.choice((1, 2, 4, 8)),
        in_flight_max=dice.choice((1, 2, 4)),
        steps=dice.randint(20, 70),
        fullness=dice.choice((1.0, 0.7, 0.4)),
        troubles=tuple(troubles),
        gas_budget=None,
    )
    if dice.random() < 0.3:
        calm = tuple(name for name in troubles if name != "jump") or ("reorg",)
        made = replace(made, gas_budget=dice.choice(BUDGETS), skew_seconds=0, troubles=calm)
    return made
