"""Old rulesets replay for ever: each file of golden/ holds a ruleset, its hash, and cases that were decided once.

Nothing writes these files but a person who has worked the cases out. A difference means that receipts already committed to would
no longer be recomputed: mend the code, not the file. New behaviour needs a new key or a new schema version, and a new file.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from token_service.program.challenges import purchase_counts
from token_service.program.earning import decide_purchase
from token_service.program.event_facts import EventFacts
from token_service.program.events import decide_event
from token_service.program.expiry import expires_at
from token_service.program.facts import PurchaseFacts
from token_service.program.refunds import Refund, keep_after_refund
from token_service.program.ruleset import canonical_json, check_ruleset, parse_ruleset, ruleset_hash
from token_service.program.tiers import Qualification, standing_at
from token_service.program.windows import award_due_at

FILES = sorted((Path(__file__).parent / "golden").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


CASES = [(path.stem, case["name"], read(path)["ruleset"], case) for path in FILES for case in read(path)["cases"]]


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def test_there_are_golden_cases() -> None:
    assert len(FILES) >= 3
    assert len(CASES) >= 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_ruleset_keeps_its_hash(path: Path) -> None:
    document = read(path)
    ruleset = parse_ruleset(json.dumps(document["ruleset"]))
    assert ruleset_hash(canonical_json(ruleset)) == document["hash"]
    assert check_ruleset(ruleset) == []


@pytest.mark.parametrize(
    ("file", "name", "document", "case"), CASES, ids=[f"{file}: {name}" for file, name, *_ in CASES]
)
def test_a_case_is_decided_as_it_was(file: str, name: str, document: dict[str, Any], case: dict[str, Any]) -> None:
    ruleset = parse_ruleset(json.dumps(document))
    expected = case["expected"]
    if "history" in case:
        history = [Qualification(**{**entry, "at": moment(entry["at"])}) for entry in case["history"]]
        standing = standing_at(ruleset, history, datetime.fromisoformat(case["at"]))
        found = {
            "tier": standing.tier,
            "figure": standing.figure,
            "next": standing.next_tier,
            "missing": standing.missing,
        }
        assert found | {"keeps_until": standing.keeps_until} == expected | {
            "keeps_until": moment(expected["keeps_until"])
        }
        return
    if "event" in case:
        event = EventFacts.from_json(case["event"])
        assert decide_event(ruleset, event).to_json() == expected["award"]
        assert event.to_json() == case["event"]
        return
    if "counted" in case:
        bought = PurchaseFacts.from_json(case["counted"])
        back = tuple(Refund.from_json(refund) for refund in case["refunds"])
        assert [purchase_counts(ruleset, bought, back[:count]) for count in range(len(back) + 1)] == expected
        return
    facts = PurchaseFacts.from_json(case["facts"])
    assert decide_purchase(ruleset, facts).to_json() == expected["award"]
    assert award_due_at(ruleset, facts.occurred_at) == moment(expected["due_at"])
    assert expires_at(ruleset, facts.occurred_at) == moment(expected["expires_at"])
    refunds = tuple(Refund.from_json(refund) for refund in case["refunds"])
    kept = [keep_after_refund(ruleset, facts, refunds[:count]).to_json() for count in range(1, len(refunds) + 1)]
    assert kept == expected["kept"]
