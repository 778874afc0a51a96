"""Stock of rewards: a piece goes with each redemption and comes back when all its points do. Who has no stock set has no end.

A piece is taken by the statement that finds it, so the last one is given once, whoever asks at the same moment. Vouchers that
challenges give take none: what was won is not refused.
"""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from token_service.errors import RewardUnavailable
from token_service.ledger import checks
from token_service.ledger.context import Actor, Context
from token_service.ledger.reward_tables import reward_stock
from token_service.ledger.transaction import Transaction, read, write
from token_service.program.rewards import find_reward

_stock = reward_stock.c


def set_stock(context: Context, actor: Actor, reward_id: str, pieces_left: int | None) -> int | None:
    """The pieces left from now on; None: without end. Raises InvalidInput, RewardUnavailable for one that no rule has."""

    def work(tx: Transaction) -> int | None:
        find_reward(tx.ruleset(tx.ruleset_hash_at(tx.now)), reward_id)
        if pieces_left is None:
            tx.connection.execute(delete(reward_stock).where(_stock.reward_id == reward_id))
            return None
        checks.money("/pieces_left", pieces_left)
        values = {"pieces_left": pieces_left, "set_at": tx.now, "set_by": actor.name}
        new = (sqlite.insert if tx.context.store.is_sqlite else postgresql.insert)(reward_stock)
        row = new.values(reward_id=reward_id, **values)
        tx.connection.execute(row.on_conflict_do_update(index_elements=["reward_id"], set_=values))
        return pieces_left

    return write(context, work)


def stock_of(context: Context) -> dict[str, int]:
    """What is left of each reward that has a stock."""
    return read(context, pieces_left)


def pieces_left(tx: Transaction, reward_ids: list[str] | None = None) -> dict[str, int]:
    """What is left of each reward that has a stock."""
    query = select(_stock.reward_id, _stock.pieces_left)
    if reward_ids is not None:
        query = query.where(_stock.reward_id.in_(reward_ids))
    return {row.reward_id: int(row.pieces_left) for row in tx.connection.execute(query)}


def take_piece(tx: Transaction, reward_id: str | None, *, is_there: bool = True) -> None:
    """Takes one; `is_there` False: it is gone already, whether there was one or not. Raises RewardUnavailable (`sold_out`)."""
    if reward_id is None:
        return
    check_stock(tx, reward_id, refuses=is_there)
    if not tx.locks:
        return
    here = (_stock.reward_id == reward_id) & (_stock.pieces_left > 0)
    found = tx.connection.execute(update(reward_stock).where(here).values(pieces_left=_stock.pieces_left - 1))
    if not found.rowcount:
        check_stock(tx, reward_id, refuses=is_there)


def put_piece_back(tx: Transaction, reward_id: str | None) -> None:
    """One came back."""
    if reward_id is not None and tx.locks:
        here = _stock.reward_id == reward_id
        tx.connection.execute(update(reward_stock).where(here).values(pieces_left=_stock.pieces_left + 1))


def check_stock(tx: Transaction, reward_id: str | None, *, refuses: bool = True) -> None:
    """Raises RewardUnavailable (`sold_out`) when none is left."""
    if refuses and reward_id is not None and pieces_left(tx, [reward_id]).get(reward_id) == 0:
        raise RewardUnavailable("There is none of this reward left.", reason="sold_out")
