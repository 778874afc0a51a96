"""Entries a second that an auditor checks over a node's RPC, against only fetching the same logs and transactions."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

from scripts.bench.anvil import running_anvil
from scripts.bench.programme import instant_node, programme, settle
from scripts.bench.replaying import measure_replay
from scripts.bench.table import Figure, Target
from token_service.audit.run import Options, run_audit
from token_service.chain.node import HttpNode

ENTRIES: Final = 5_000
ROUNDS: Final = 3
RATE_MIN: Final = 5_000
"""Entries a second, without openings."""


def measure_audit() -> list[Figure]:
    """Without receipts, with the receipts' Merkle trees, and with openings. Raises RuntimeError if the audit finds anything."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil() as url,
        programme(Path(folder) / "var", rpc_url=url) as made,
        instant_node(made.application) as node,
    ):
        made.buy(ENTRIES)
        settle(made.application, node)
        contract = str(made.application.program().contract)
        fetched = max(_fetch_rate(url, contract) for _ in range(ROUNDS))
        receipts = str(made.application.settings.data_dir / "receipts")
        plain = _audit_rate(Options(url, contract, block="latest"))
        whole = _audit_rate(Options(url, contract, block="latest", receipts=receipts))
    beside = f"only fetching logs and transactions {fetched:,.0f}/s"
    return [
        Figure(
            "audit of entries, of the rate of fetching",
            plain / fetched,
            f"{plain:,.0f}/s",
            beside,
            Target(f"≥ {RATE_MIN:,}/s", plain >= RATE_MIN),
        ),
        Figure("audit of entries with their receipts, of the same", whole / fetched, f"{whole:,.0f}/s", beside),
        *measure_replay(),
    ]


def _audit_rate(options: Options) -> float:
    """The best of ROUNDS: the first one pays for what Python loads."""
    return max(_one_audit(options) for _ in range(ROUNDS))


def _one_audit(options: Options) -> float:
    began = time.perf_counter()
    report = run_audit(options)
    seconds = time.perf_counter() - began
    if report.exit_code != 0:
        raise RuntimeError("the audit of the bench's own chain finds something")
    return ENTRIES / seconds


def _fetch_rate(url: str, contract: str) -> float:
    """Entries a second of an auditor who asks for every log and its transaction, and checks nothing."""
    node, began = HttpNode([url]), time.perf_counter()
    try:
        logs = node.request("eth_getLogs", [{"address": contract, "fromBlock": "0x0", "toBlock": "latest"}])
        for transaction in {log["transactionHash"] for log in logs}:
            node.request("eth_getTransactionByHash", [transaction])
    finally:
        node.close()
    return ENTRIES / (time.perf_counter() - began)
