"""Baskets by the hundred: `POST /v1/purchases:batch` through `mereau serve` on PostgreSQL, settling on anvil beside."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from scripts.bench.anvil import running_anvil
from scripts.bench.load import LINES, Job
from scripts.bench.programme import MEMBERS, programme
from scripts.bench.service import OURS, load, running_postgresql, serving
from scripts.bench.table import Figure, Target
from token_service.ledger.api_keys import create_api_key
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewApiKey

BASKETS: Final = 200
"""Of one call; it takes up to 1,000."""
LINES_MIN: Final = 3_000
"""Basket lines a second that are asked for, on two cores."""
LOAD_SECONDS: Final = 10.0
CONNECTIONS: Final = 2


def measure_baskets() -> list[Figure]:
    """Lines a second, of LINES_MIN, beside the same purchases one in a call."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil() as url,
        running_postgresql(Path(folder)) as database,
        programme(Path(folder) / "var", rpc_url=url, database_url=database) as made,
    ):
        actor, merchant = Actor.admin("bench"), made.merchant.merchant_id
        key = create_api_key(made.application.context, actor, NewApiKey("bench", merchant)).secret
        many = Job(0, "/v1/purchases:batch", key, LOAD_SECONDS, CONNECTIONS, MEMBERS, baskets=BASKETS)
        with serving(OURS, made) as port:
            alone = load(port, replace(many, path="/v1/purchases", baskets=0))
            together = load(port, many)
    lines = together.rate * BASKETS * LINES
    return [
        Figure(
            f"PostgreSQL, anvil: purchases:batch, basket lines a second, of {LINES_MIN:,}",
            lines / LINES_MIN,
            f"{lines:,.0f} lines/s: {together.rate * BASKETS:,.0f} baskets/s of {LINES} lines, {BASKETS} in a call",
            f"one in a call, without lines: {alone.rate:,.0f}/s",
            Target(f"≥ {LINES_MIN:,} lines/s", lines >= LINES_MIN),
        )
    ]
