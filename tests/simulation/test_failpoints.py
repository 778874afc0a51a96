"""The list of places where settlement can be cut off is whole, and a real process dies there and goes on."""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployments import Deployment, founded
from simulation import Failed, run_seed

from token_service.app.application import open_application
from token_service.chain.services import ChainServices
from token_service.chain.settlement.failpoints import CALLS, COMMITS, FAILPOINTS, die_at
from token_service.config import load_settings
from token_service.errors import BadSettings
from token_service.ledger.context import Actor
from token_service.ledger.inputs import NewIssuance, NewMember
from token_service.ledger.issuances import issue
from token_service.ledger.members import enrol

ROOT = Path(__file__).parents[2]
CHAIN = ROOT / "token_service" / "chain"
OWN_FAILPOINTS = {"reconciling.py"}
"""Its callers have no ChainServices: it passes its failpoints itself."""


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in CHAIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield path, node


def named(method: str, path: Path, node: ast.Call) -> str | None:
    """The name that a call `….method("name", …)` gives."""
    assert isinstance(node.func, ast.Attribute)
    first = node.args[0] if node.args else None
    is_text = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return str(first.value) if node.func.attr == method and is_text else None  # type: ignore[union-attr]


def test_every_commit_of_the_chain_room_goes_through_the_one_that_has_failpoints() -> None:
    others = {
        path.name
        for path, node in calls()
        if node.func.attr in ("transact", "write") and "store" in ast.unparse(node.func.value)  # type: ignore[union-attr]
    }
    assert others == {"services.py"} | OWN_FAILPOINTS


def test_the_list_names_what_there_is_and_nothing_else() -> None:
    commits = {name for path, node in calls() if (name := named("commit", path, node))}
    text = "".join(path.read_text() for path in CHAIN.rglob("*.py"))
    commits |= set(re.findall(r'commit_spending\(\s*services,\s*"([a-z_]+)"', text))
    passed = set(re.findall(r'failpoint\("([a-z_.]+)"\)', text))
    by_hand = {name.partition(".")[0] for name in passed if name.endswith("_commit")}
    assert commits | by_hand == set(COMMITS)
    assert {name for name in passed if not name.endswith("_commit")} == set(CALLS)


def test_the_page_on_settlement_lists_every_place() -> None:
    text = (ROOT / "docs" / "settlement.md").read_text()
    section = text.partition("## How it is tried")[2].partition("\n## ")[0]
    rows = set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE))
    assert rows == set(COMMITS) | set(CALLS)


def test_a_commit_without_a_failpoint_fails_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChainServices, "commit", lambda services, place, work: services.store.transact(work))
    with pytest.raises(Failed, match="a commit of settlement lies outside of every failpoint"):
        run_seed(0)


def test_a_call_of_the_node_without_a_failpoint_fails_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    request = "token_service.chain.settlement.failpoints.WatchedNode.request"
    monkeypatch.setattr(request, lambda watched, method, params: watched.inner.request(method, params))
    with pytest.raises(Failed, match="a call of the node lies outside of its failpoints"):
        run_seed(0)


def test_only_places_that_there_are_can_be_asked_for() -> None:
    assert die_at("plan.after_commit:3").n == 3
    with pytest.raises(BadSettings, match="names no place of settlement"):
        die_at("plan.never:1")
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", name) for name in FAILPOINTS)


def test_at_that_place_for_the_nth_time_the_process_is_killed() -> None:
    program = """
from token_service.chain.settlement.failpoints import die_at
failpoint = die_at("plan.after_commit:2")
for name in ("plan.after_commit", "plan.before_commit", "plan.after_commit", "plan.after_commit"):
    print(name, flush=True)
    failpoint(name)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["plan.after_commit", "plan.before_commit", "plan.after_commit"]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """With one entry that waits to be settled."""
    made = founded(tmp_path / "var")
    with open_application(load_settings(made.environment)) as application:
        admin, context = Actor.admin(), application.context
        with application.store.read() as connection:
            own = str(connection.exec_driver_sql("select id from merchants where party = 1").scalar_one())
        member = enrol(context, admin, NewMember(external_id="card-1", merchant_id=own)).member
        issue(context, admin, NewIssuance("r-1", member.id, 70, "welcome", merchant_id=own))
    return made


@pytest.mark.soak
def test_a_real_process_dies_where_it_is_told_to_and_the_next_one_goes_on(deployment: Deployment) -> None:
    deployment.settings["MEREAU_FAILPOINT"] = "plan.after_commit:1"
    assert deployment.run("settle", "--wait").returncode == -signal.SIGKILL
    del deployment.settings["MEREAU_FAILPOINT"]
    done = deployment.run("settle", "--wait")
    assert done.returncode == 0, done.stderr
    with open_application(load_settings(deployment.environment)) as application, application.store.read() as connection:
        states = connection.exec_driver_sql("select state, count(*) from leaves group by state").all()
        batches = connection.exec_driver_sql("select state from batches").scalars().all()
    assert [state for state, _ in states] == ["final"]
    assert batches == ["final"], "the batch that was planned before the death is the one that landed"
