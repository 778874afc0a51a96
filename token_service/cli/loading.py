"""Loads baskets into the ledger with the very use cases that the API calls: enrol, create store, record purchase.

Everything has a name of its own (household, store, basket), so loading the same baskets again changes nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from token_service.cli.completejourney import Basket
from token_service.errors import MereauError
from token_service.ledger.context import Actor, Context
from token_service.ledger.inputs import NewItem, NewMember, NewPurchase, NewStore
from token_service.ledger.members import enrol_batch
from token_service.ledger.merchants import create_store, find_store
from token_service.ledger.purchases import record_purchases

CHUNK: Final = 50
"""Purchases in one database transaction: short enough that the worker and the web server need not wait long."""
TURN_SECONDS: Final = 0.03
"""Pause between chunks. SQLite's writers don't queue: whoever comes right back would starve the others."""

Item = TypeVar("Item")


@dataclass
class Loaded:
    """What loading did. `refused` counts refusals by error code."""

    members: int = 0
    stores: int = 0
    purchases: int = 0
    replayed: int = 0
    points: int = 0
    pending: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def load_baskets(
    context: Context, merchant_id: str, baskets: Sequence[Basket], advance: Callable[[int], None] = lambda _: None
) -> Loaded:
    """Enrols the households, makes the stores and records the baskets in the order given; calls `advance(n)` as n more are in.

    A basket that the rules refuse is counted, not raised; a database that does not answer raises.
    """
    actor = Actor.merchant(merchant_id, name="import")
    loaded = Loaded()
    members = _enrol(context, actor, baskets, loaded)
    stores = _make_stores(context, actor, merchant_id, baskets, loaded)
    for chunk in _chunks(baskets, CHUNK):
        new = [_purchase(basket, members[basket.household_id], stores[basket.store_id]) for basket in chunk]
        for outcome in record_purchases(context, actor, new):
            if isinstance(outcome, MereauError):
                loaded.refused[outcome.code] += 1
                continue
            loaded.purchases += 1
            loaded.replayed += outcome.replayed
            loaded.points += outcome.value.points
            loaded.pending += outcome.value.pending
        advance(len(chunk))
        time.sleep(TURN_SECONDS)
    return loaded


def household_email(household_id: int) -> str:
    """The sign-in address of a household: a reserved domain, nobody receives it."""
    return f"household-{household_id}@example.org"


def _enrol(context: Context, actor: Actor, baskets: Sequence[Basket], loaded: Loaded) -> dict[int, str]:
    members: dict[int, str] = {}
    households = sorted({basket.household_id for basket in baskets})
    for chunk in _chunks(households, CHUNK):
        new = [
            NewMember(
                external_id=f"household-{household}",
                email=household_email(household),
                name=f"Foyer {household}",
                locale="fr",
            )
            for household in chunk
        ]
        for household, outcome in zip(chunk, enrol_batch(context, actor, new), strict=True):
            if isinstance(outcome, MereauError):
                raise outcome
            members[household] = outcome.member.id
            loaded.members += 1
    return members


def _make_stores(
    context: Context, actor: Actor, merchant_id: str, baskets: Sequence[Basket], loaded: Loaded
) -> dict[int, str]:
    stores: dict[int, str] = {}
    for number in sorted({basket.store_id for basket in baskets}):
        found = find_store(context, actor, merchant_id, str(number))
        if found is None:
            found = create_store(context, actor, NewStore(str(number), f"Magasin {number}"))
        stores[number] = found.id
        loaded.stores += 1
    return stores


def _purchase(basket: Basket, member_id: str, store_id: str) -> NewPurchase:
    return NewPurchase(
        reference=f"basket-{basket.basket_id}",
        member_id=member_id,
        store_id=store_id,
        occurred_at=basket.occurred_at,
        total=basket.total_cents,
        channel="store",
        items=tuple(
            NewItem(line=index, amount=line.amount_cents, sku=line.sku, category=line.category, quantity=line.quantity)
            for index, line in enumerate(basket.lines, start=1)
        ),
    )


def _chunks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
