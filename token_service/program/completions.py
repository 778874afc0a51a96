"""Challenges in a history that is decided again: what purchases and events complete, and what that gives, limits included.

The ledger does the same with rows (ledger/challenges.py): counts by the rules of the day, numbers completions, and awards each as
an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from token_service.program.caps import Budget, with_caps
from token_service.program.challenge_limits import gives_its_award
from token_service.program.challenge_schema import Challenge
from token_service.program.challenges import COMPLETED, Counted, challenge_named, challenge_of, new_keys, subject_of
from token_service.program.event_facts import EventFacts
from token_service.program.events import RuleUse, decide_event, event_qualification, points_used, with_limits
from token_service.program.facts import MemberFacts, local_time
from token_service.program.schema import Ruleset
from token_service.program.tiers import Qualification

PROGRAM = "program"
"""Stands for the programme itself, which records completions."""


@dataclass(frozen=True, slots=True)
class Completed:
    """One completion: its local date, the points and the reward that it gives, what it counts for in levels, and what it takes of
    budgets.
    """

    challenge: Challenge
    day: str
    points: int
    reward: str | None
    counts: Qualification
    used: Mapping[str, int]

    @property
    def vouchers(self) -> int:
        """How many vouchers it gives, 0 or 1."""
        return int(self.reward is not None)


@dataclass(slots=True)
class Stamps:
    """Where one member stands in all challenges: what was counted, and which completions were given, by challenge."""

    counted: dict[str, list[Counted]] = field(default_factory=dict)
    given: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def after(cls, steps: Iterable[tuple[str, Counted]], subjects: Iterable[str]) -> Stamps:
        """After steps by challenge, and the completions of these subjects."""
        found = cls()
        for challenge_id, step in steps:
            found.counted.setdefault(challenge_id, []).append(step)
        for subject in subjects:
            found.given.setdefault(challenge_of(subject), set()).add(subject.partition("/")[2])
        return found

    def count(
        self,
        ruleset: Ruleset,
        date: str,
        *,
        counts: Mapping[str, int],
        at: datetime,
        day_points: dict[str, int],
        left: Callable[[Budget], int],
        uses: dict[str, list[RuleUse]],
    ) -> Iterator[Completed]:
        """What something of a local date that `counts` by challenge completes, recorded at an instant. `day_points`, what the
        member has of each local date, and their `uses` of what is limited grow by what is given; the caller takes it from
        budgets before it asks for the next.
        """
        for challenge_id, amount in counts.items():
            challenge = challenge_named(ruleset, challenge_id)
            assert challenge is not None
            counted, given = self.counted.setdefault(challenge_id, []), self.given.setdefault(challenge_id, set())
            counted.append(Counted(date, amount))
            for key in new_keys(challenge, counted, given):
                given.add(key)
                facts = _facts(ruleset, subject_of(challenge_id, key), at, day_points)
                facts = with_caps(ruleset, with_limits(ruleset, facts, uses, left), left)
                one = _completed(ruleset, challenge, facts)
                day_points[one.day] = day_points.get(one.day, 0) + one.points
                for name in one.used:
                    uses.setdefault(name, []).append(RuleUse(at, facts.subject))
                yield one


def _facts(ruleset: Ruleset, subject: str, at: datetime, day_points: Mapping[str, int]) -> EventFacts:
    """The event of a completion. Neither level nor age of the member matter to it."""
    local = local_time(at, ruleset.program.time_zone)
    member = MemberFacts(tier=None, age_days=0, purchases=0, day_points=day_points.get(local.date, 0))
    return EventFacts(at, local, COMPLETED, subject, PROGRAM, member)


def _completed(ruleset: Ruleset, challenge: Challenge, facts: EventFacts) -> Completed:
    """A completion, within the limits of its challenge and its day."""
    award = decide_event(ruleset, facts)
    reward = challenge.award.reward if gives_its_award(challenge, award) else None
    counts, used = event_qualification(facts, award.points), points_used(ruleset, facts, award)
    return Completed(challenge, facts.local.date, award.points, reward, counts, used)
