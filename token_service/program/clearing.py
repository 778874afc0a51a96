"""What merchants owe one another when one honours points that another issued, and what they owe the causes to which their points
were given (docs/api.md "Settle between merchants").

Exact: each pair of merchants and each value of a point is rounded down once, to whole minor units, and is owed by one side to the
other; so what all receive is what all pay. A gift has its own value, told when it was given: its issuers owe all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Honoured:
    """Points of `issuer` that `acceptor` honoured, less those given back; `points_of` of them are worth `amount`."""

    issuer: int
    acceptor: int
    points: int
    amount: int
    points_of: int


@dataclass(frozen=True, slots=True)
class Given:
    """Points of `issuer` that went to `cause`, and their part of the gift's value; negative where the contract refused it."""

    issuer: int
    cause: int
    points: int
    value: int


@dataclass(frozen=True, slots=True)
class Owed:
    """What `issuer` owes `acceptor` (negative: the other way round), in points and minor units."""

    issuer: int
    acceptor: int
    points: int
    value: int


@dataclass(frozen=True, slots=True)
class Position:
    """One party over the whole period: points of others that it honoured, its points that others did, what it gets in the end."""

    party: int
    accepted_points: int
    issued_points: int
    net_value: int


def owed(honoured: Iterable[Honoured], given: Iterable[Given] = ()) -> tuple[Owed, ...]:
    """One row for each pair of two, by issuer and acceptor (a merchant or a cause); nobody owes themselves."""
    sums: dict[tuple[int, int, int, int], int] = {}
    for one in honoured:
        if one.issuer != one.acceptor:
            key = (one.issuer, one.acceptor, one.amount, one.points_of)
            sums[key] = sums.get(key, 0) + one.points
    pairs: dict[tuple[int, int], tuple[int, int]] = {}

    def add(issuer: int, acceptor: int, points: int, value: int) -> None:
        before = pairs.get((issuer, acceptor), (0, 0))
        pairs[issuer, acceptor] = (before[0] + points, before[1] + value)

    for (issuer, acceptor, amount, points_of), points in sums.items():
        add(issuer, acceptor, points, abs(points) * amount // points_of * (1 if points >= 0 else -1))
    for gift in given:
        add(gift.issuer, gift.cause, gift.points, gift.value)
    return tuple(Owed(*pair, *pairs[pair]) for pair in sorted(pairs))


def shared_gift(cause: int, value: int, parts: Mapping[int, int], *, sign: int = 1) -> tuple[Given, ...]:
    """A gift's value shared out over its points by issuer, to the cent: each up to where its points end among all, in order of
    the parties' numbers. `sign` −1: the same the other way.
    """
    whole, before, found = sum(parts.values()), 0, []
    for issuer, points in sorted(parts.items()):
        part = value * (before + points) // whole - value * before // whole
        found.append(Given(issuer, cause, sign * points, sign * part))
        before += points
    return tuple(found)


def positions(rows: Iterable[Owed]) -> tuple[Position, ...]:
    """Each party's place; their net values sum to 0."""
    found: dict[int, list[int]] = {}
    for row in rows:
        accepted, issued = found.setdefault(row.acceptor, [0, 0, 0]), found.setdefault(row.issuer, [0, 0, 0])
        accepted[0] += row.points
        accepted[2] += row.value
        issued[1] += row.points
        issued[2] -= row.value
    return tuple(Position(party, *found[party]) for party in sorted(found))
