"""Old rulesets replay for ever: each file of golden/ holds a ruleset, its hash, and cases that were decided once.

Nothing writes these files but a person who has worked the cases out. A difference means that receipts already committed to would
no longer be recomputed: mend the code, not the file. New behaviour needs a new key or a new schema version, and a new file.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from token_service.program.ruleset import canonical_json, check_ruleset, parse_ruleset, ruleset_hash

from .golden_cases import FILES, FOLDER, decided, read

CASES = [(path.stem, case["name"], read(path)["ruleset"], case) for path in FILES for case in read(path)["cases"]]
SUMS = dict(line.split("  ")[::-1] for line in (FOLDER / "sha256sums").read_text().splitlines())
"""By file. A line here is changed by whoever means to change the file, which is nobody once its rules are released."""


def test_golden_files_are_never_regenerated_silently() -> None:
    assert {path.name: sha256(path.read_bytes()).hexdigest() for path in FILES} == SUMS


def test_no_two_cases_of_a_file_have_one_name() -> None:
    assert len({(file, name) for file, name, *_ in CASES}) == len(CASES)


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
    assert decided(parse_ruleset(json.dumps(document)), case) == case["expected"]
