"""What merchants owe one another: exact, and nothing is lost between them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from token_service.program.clearing import Honoured, Owed, Position, owed, positions, shared_gift

honoured = st.builds(
    Honoured,
    issuer=st.integers(1, 4),
    acceptor=st.integers(1, 4),
    points=st.integers(-(10**6), 10**6),
    amount=st.integers(0, 2_000),
    points_of=st.integers(1, 500),
)


@given(st.lists(honoured, max_size=30))
def test_what_all_get_is_what_all_pay(found: list[Honoured]) -> None:
    rows = owed(found)
    places = positions(rows)
    assert sum(place.net_value for place in places) == 0
    assert sum(place.accepted_points for place in places) == sum(place.issued_points for place in places)
    assert all(row.issuer != row.acceptor for row in rows)


@given(st.lists(honoured, max_size=30))
def test_the_order_of_entries_does_not_matter(found: list[Honoured]) -> None:
    assert owed(found) == owed(reversed(found))


def test_a_pair_is_rounded_once() -> None:
    """Three times 1 point of 3.33 cents are 9.99: rounded one by one they would be 9."""
    rows = owed([Honoured(2, 3, 1, 333, 100)] * 3)
    assert rows == (Owed(2, 3, 3, 9),)
    rows = owed([Honoured(2, 3, 1, 350, 100)] * 3)
    assert rows == (Owed(2, 3, 3, 10),)
    assert positions(rows) == (Position(2, 0, 3, -10), Position(3, 3, 0, 10))


def test_what_came_back_counts_the_other_way() -> None:
    rows = owed([Honoured(2, 3, 100, 10, 1), Honoured(2, 3, -100, 10, 1), Honoured(3, 2, -7, 10, 1)])
    assert rows == (Owed(2, 3, 0, 0), Owed(3, 2, -7, -70))


@given(
    st.integers(0, 10**9),
    st.dictionaries(st.integers(1, 5), st.integers(1, 10**6), min_size=1),
    st.sampled_from((1, -1)),
)
def test_the_parts_of_a_gift_are_its_value(value: int, parts: dict[int, int], sign: int) -> None:
    rows = owed([], shared_gift(9, value, parts, sign=sign))
    assert sum(row.value for row in rows) == sign * value
    assert {row.issuer: sign * row.points for row in rows} == parts
    for row in rows:  # within a cent of its share
        assert abs(row.value * sum(parts.values()) - row.points * value) < sum(parts.values())
    assert sum(place.net_value for place in positions(rows)) == 0
