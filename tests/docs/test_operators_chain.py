"""docs/operators.md on an EVM network: its steps deploy to anvil with the ledger on PostgreSQL, and a dump comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from anvil_node import Anvil, running_anvil
from databases import PostgreSQL
from deployments import free_port
from documents import ROOT, Reader, block_with, blocks, commands
from sqlalchemy import make_url

PAGE = "docs/operators.md"
SECTION = "On an EVM network"
BUYS = """
key=$(mereau api-key create --merchant Till --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')
call() { curl -sf "http://127.0.0.1:8000$1" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$2"; }
call /v1/members '{"external_id": "card-1"}'
call /v1/purchases '{"reference": "ticket-1", "external_id": "card-1", "occurred_at": "'$(date -u +%FT%TZ)'",
                     "total": {"amount": 2390, "currency": "EUR"}}'
mereau settle --wait --timeout 100
curl -s http://127.0.0.1:8000/metrics | grep -E '^mereau_(rpc_requests_total|node_state|signer_today|lane|operator|ops)'
"""


@pytest.fixture(scope="module")
def slow_anvil() -> Iterator[Anvil]:
    """A node like a real network's: a block each second, and a finalized one two blocks behind."""
    with running_anvil("--block-time", "1", "--slots-in-an-epoch", "1") as node:
        yield node


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[str]:
    """The URL of the database that the page's SQL makes."""
    make = [line for line in blocks(PAGE, "PostgreSQL", "sql")[0].text.splitlines() if line]
    for statement in make:
        postgresql.execute(statement)
    yield str(
        make_url(postgresql.uri).set(username="mereau", password="secret", database="mereau").render_as_string(False)
    )
    postgresql.execute("drop database mereau with (force)")
    postgresql.execute("drop role mereau")


def test_the_steps_deploy_serve_audit_and_a_dump_comes_back(
    tmp_path: Path, slow_anvil: Anvil, postgresql: PostgreSQL, database: str
) -> None:
    (tmp_path / "rules.yaml").write_text((ROOT / "examples" / "simple.yaml").read_text())
    (tmp_path / "media/safe").mkdir(parents=True)
    reader = Reader(
        tmp_path,
        free_port(),
        {
            "/var/lib/mereau": f"{tmp_path}/mereau",
            "/var/backups/mereau": f"{tmp_path}/backups",
            "/media/safe": f"{tmp_path}/media/safe",
            "postgresql://mereau:secret@localhost/mereau": database,
            "https://node.example/key": slow_anvil.url,
            "https://public-node.example": slow_anvil.url,
        },
        programs=(postgresql.programs,),  # pg_dump must be as new as the server
    )
    steps = [block.text for block in blocks(PAGE, SECTION, "sh")]
    assert [step.split()[0] for step in steps] == ["export", "cp", "mereau", "mereau", "contract=$(curl"]
    setting, copying, deploying, serving, auditing = steps
    assert "init" in setting
    addresses = re.findall(r"0x[0-9a-fA-F]{40}", reader.run(reader.paste(setting)))
    assert len(addresses) == 2, "init prints the operator's and the admin's address"
    slow_anvil.fund(*addresses)

    exports = "".join(line for line in setting.splitlines(True) if line.startswith("export"))
    dump, restore = (
        block_with(PAGE, "Backup and restore", "pg_dump"),
        block_with(PAGE, "Backup and restore", "pg_restore"),
    )
    said = reader.run(
        reader.paste(exports + copying + deploying + serving + BUYS + auditing + dump + "stop\necho $copy >copy\n")
    )
    assert "✗" not in said
    assert "All requested checks held." in said
    assert re.search(
        r'^mereau_rpc_requests_total\{method="eth_\w+",node="127.0.0.1",outcome="ok"\} [1-9]', said, re.MULTILINE
    )
    assert 'mereau_node_state{node="127.0.0.1",state="well"} 1' in said
    assert 'mereau_lane_nonce_gap{lane="0"} 0.0' in said
    assert re.search(r'^mereau_operator_balance_wei\{lane="0"\} [1-9]', said, re.MULTILINE)
    assert 'mereau_lane_seq_lag{lane="0"} 0.0' in said
    assert re.search(r"^mereau_ops_accepted_total [1-9]", said, re.MULTILINE)
    assert re.search(r'^mereau_signer_today\{verdict="denied"\} 0', said, re.MULTILINE)

    postgresql.execute("drop database mereau with (force)")
    postgresql.execute(blocks(PAGE, "PostgreSQL", "sql")[0].text.splitlines()[1])
    restored = reader.run(reader.paste(exports + "copy=$(cat copy)\n" + restore))
    assert "✓ settled: 1 entries" in restored
    assert "✗" not in restored
    assert commands(PAGE, SECTION).count("mereau ") >= 5
