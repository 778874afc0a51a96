"""A whole service on several nodes: one is killed, one is of another chain, and purchases go on settling."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from anvil_node import running_anvil
from deployments import Deployment, purchase
from fault_proxy import proxy_process

pytestmark = pytest.mark.soak


def findings(deployment: Deployment) -> dict[str, tuple[str, str]]:
    """What `mereau doctor` says, by check."""
    done = deployment.run("doctor", "--json")
    return {one["check"]: (one["state"], one["says"]) for one in json.loads(done.stdout)}


def test_a_service_on_several_nodes_outlives_one(tmp_path: Path) -> None:
    with (
        running_anvil("--block-time", "1") as anvil,
        running_anvil(
            "--timestamp", "1600000000"
        ) as stranger,  # two that begin in the same second have one genesis block
        proxy_process(anvil.url) as (url, process),
    ):
        deployment = Deployment(tmp_path / "var")
        deployment.settings |= {
            "MEREAU_RPC_URL": f"{url},{anvil.url}",
            "MEREAU_CONFIRMATIONS": "1",
            "MEREAU_GAS_BUDGET_PER_DAY": "2",
        }
        made = deployment.run("init")
        assert made.returncode == 0, made.stderr
        keys = [word for word in (made.stdout + made.stderr).split() if word.startswith("0x") and len(word) >= 42]
        anvil.fund(*[key[:42] for key in keys])
        deployed = deployment.run("deploy")
        assert deployed.returncode == 0, deployed.stderr
        deployment.settings["MEREAU_RPC_URL"] += f",{stranger.url}"
        with deployment.serving():
            key = deployment.key()
            assert deployment.post("/v1/members", {"external_id": "card-1"}, key).ok
            assert deployment.post("/v1/purchases", purchase("first"), key).ok
            assert deployment.run("settle", "--wait").returncode == 0
            process.kill()
            process.wait(timeout=10)
            assert deployment.post("/v1/purchases", purchase("second"), key).ok
            assert deployment.run("settle", "--wait").returncode == 0
            found = findings(deployment)
    assert found["node"][0] == "well"
    nodes = {check: said for check, said in sorted(found.items()) if check.startswith("node 127.0.0.1")}
    assert [state for state, _ in nodes.values()] == ["note", "well", "bad"], nodes
    assert found["settled"][1].startswith("2 entries") or "2 facts" in found["settled"][1]
    assert found["gas budget"][0] == "well"
    assert "of 2 spent today" in found["gas budget"][1]
