"""Entries a second that an auditor replays from their openings, against only deciding the same purchases by the rules.

The rules are the demo's (examples/les-halles.yaml: levels, campaigns with conditions, dates), the baskets have lines. The floor
is what `program` alone does for each purchase, on facts that are parsed already: the level, the award, its window, its date.
"""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from scripts.bench.anvil import running_anvil
from scripts.bench.programme import CHUNK, Programme, instant_node, programme, settle
from scripts.bench.table import Figure, at_least
from token_service.app.resources import resource_dir
from token_service.app.setup import read_ruleset
from token_service.audit.accounts.opened import opened_facts
from token_service.audit.report import AuditReport
from token_service.audit.run import Options, run_audit
from token_service.errors import MereauError
from token_service.ledger.inputs import NewItem, NewPurchase
from token_service.ledger.opened_batches import batch_places, opened_batch
from token_service.ledger.purchases import record_purchases
from token_service.program.earning import decide_purchase
from token_service.program.expiry import expires_at
from token_service.program.facts import PurchaseFacts
from token_service.program.ruleset import Ruleset, canonical_json, parse_ruleset
from token_service.program.tiers import Qualification, qualification, standing_at, tier_at
from token_service.program.windows import award_due_at
from token_service.protocol import receipt_files

PURCHASES: Final = 5_000
ROUNDS: Final = 3
SHARE_MIN: Final = 0.5
"""Of the rate at which the rules alone decide."""
DAYS: Final = 40
"""Over how many past days they are spread, all behind their return window: each is issued at once."""
LINES: Final = (("PRODUCE", 390), ("GROCERY", 1_250), ("MEAT", 850), (None, 410))


def measure_replay() -> list[Figure]:
    """The whole audit with openings, of the rate of the rules. Raises RuntimeError if the audit finds anything."""
    document = read_ruleset(resource_dir("examples") / "les-halles.yaml")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_anvil() as url,
        programme(Path(folder) / "var", rpc_url=url, ruleset=document) as made,
        instant_node(made.application) as node,
    ):
        _shop(made)
        settle(made.application, node)
        openings = Path(folder) / "openings"
        facts = _export(made, openings, document)
        options = Options(url, str(made.application.program().contract), block="latest", openings=str(openings))
        audited, decided = 0.0, 0.0
        for _ in range(ROUNDS):  # in turns, so that both see the same machine
            decided = max(decided, _decide_rate(parse_ruleset(document), facts))
            audited = max(audited, _audit_rate(options))
    beside = f"the rules alone decide {decided:,.0f}/s"
    return [
        Figure(
            "audit of entries with their openings, of the rules alone",
            audited / decided,
            f"{audited:,.0f}/s",
            beside,
            at_least(SHARE_MIN, audited / decided),
        )
    ]


def _shop(made: Programme) -> None:
    """Baskets with lines, each member's in the order of their days."""
    now = made.application.context.now()
    items = tuple(
        NewItem(line=line, sku=None, category=category, quantity=1, amount=amount, discount=0, tax=amount // 20)
        for line, (category, amount) in enumerate(LINES, start=1)
    )
    total, tax = sum(item.amount for item in items), sum(item.tax for item in items)
    for start in range(0, PURCHASES, CHUNK):
        news = [
            NewPurchase(
                f"shop-{n}", now - timedelta(days=15 + DAYS * (PURCHASES - n) / PURCHASES), total, tax=tax, items=items,
                member_id=made.members[n % len(made.members)], channel="store",
            )
            for n in range(start, min(start + CHUNK, PURCHASES))
        ]  # fmt: skip
        if any(
            isinstance(answer, MereauError)
            for answer in record_purchases(made.application.context, made.merchant, news)
        ):
            raise RuntimeError("a purchase of the bench was refused")


def _export(made: Programme, folder: Path, document: str) -> list[tuple[str, PurchaseFacts]]:
    """Writes the openings as `mereau openings export` does; answers each purchase's account and facts in order."""
    (folder / "rulesets").mkdir(parents=True)
    (folder / "rulesets" / "rules.json").write_text(canonical_json(parse_ruleset(document)))
    found = []
    for operator, seq in batch_places(made.application.context):
        batch = opened_batch(made.application.context, operator, seq)
        path = folder / receipt_files.relative_path(operator, seq)
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(receipt_files.opened_file_lines(batch)))
        for filed in batch.leaves:
            if filed.leaf.kind and filed.opening is not None:
                found.append((filed.leaf.account, opened_facts(filed.opening.detail)))
    return found


def _audit_rate(options: Options) -> float:
    began = time.perf_counter()
    report: AuditReport = run_audit(options)
    seconds = time.perf_counter() - began
    if report.exit_code != 0 or report.openings is None or not report.openings.opened:
        raise RuntimeError("the audit of the bench's own chain finds something")
    return report.counts["entries"] / seconds


def _decide_rate(ruleset: Ruleset, facts: list[tuple[str, PurchaseFacts]]) -> float:
    """Purchases a second that the rules alone decide: level before, award, window, date, level after."""
    histories: dict[str, list[Qualification]] = {}
    began = time.perf_counter()
    for account, purchase in facts:
        history = histories.setdefault(account, [])
        tier_at(ruleset, history, purchase.occurred_at)
        award = decide_purchase(ruleset, purchase)
        award_due_at(ruleset, purchase.occurred_at)
        expires_at(ruleset, purchase.occurred_at)
        history.append(qualification(purchase, (), award.points))
        standing_at(ruleset, history, purchase.occurred_at)
    return len(facts) / (time.perf_counter() - began)
