"""forge's fuzzer, halmos's proofs and slither's findings over the same sources. `make prove` runs them (test_proofs.py)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from foundry_project import REPOSITORY, make_project, require_analysis_tools, run

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once with everything in it."""
    return make_project(tmp_path_factory.mktemp("foundry"))


def test_forge_finds_no_counterexample(project: Path) -> None:
    done = run(project, "forge", "test", "--json", "--match-contract", "Properties")
    start = done.stdout.find("{")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    results = json.loads(done.stdout[start:])["forge/Properties.t.sol:Properties"]["test_results"]
    assert {result["status"] for result in results.values()} == {"Success"}
    source = (REPOSITORY / "tests" / "contracts" / "forge" / "Properties.t.sol").read_text(encoding="utf-8")
    assert {name.split("(")[0] for name in results} == set(re.findall(r"function (test\w+)\(", source))


def test_halmos_proves_exactly_once_and_that_self_custody_is_safe(project: Path) -> None:
    require_analysis_tools()
    done = run(project, "halmos", "--contract", "Symbolic", "--no-status", "--loop", "16")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    text = re.sub(r"\x1b\[\d+m", "", done.stdout)
    assert len(re.findall(r"\[PASS\] check_", text)) == 2, text
    assert "0 failed" in text


def test_slither_finds_nothing_that_the_docs_do_not_explain(tmp_path: Path) -> None:
    require_analysis_tools()
    project = make_project(tmp_path / "slither", with_tests=False)
    report = project / "report.json"
    done = run(project, "slither", ".", "--filter-paths", "node_modules", "--json", str(report))
    assert report.is_file(), done.stdout[-2000:] + done.stderr[-3000:]
    results = json.loads(report.read_text(encoding="utf-8"))["results"].get("detectors", [])
    serious = {
        f"{finding['check']}: {finding['elements'][0]['name']}"
        for finding in results
        if finding["impact"] in ("High", "Medium")
    }
    docs = (REPOSITORY / "docs" / "contract.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z0-9-]+: \w+)` \|", docs, flags=re.MULTILINE))
    assert serious == explained
