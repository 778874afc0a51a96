"""docs/operators.md on one machine: its commands start a programme, copy it under load, and bring it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from deployments import free_port
from documents import ROOT, Reader, block_with, commands
from sqlalchemy import create_engine

from token_service.cli import group
from token_service.errors import BadSettings
from token_service.migrations import downgrade

PAGE = "docs/operators.md"
LOAD = """
url=http://127.0.0.1:8000 at=$(date -u +%FT%TZ)
key=$(mereau api-key create --merchant Till --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')
call() { curl -sf "$url$1" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$2"; }
buy() { call /v1/purchases '{"reference": "ticket-'$1'", "external_id": "card-1", "occurred_at": "'$at'",
                             "total": {"amount": 2390, "currency": "EUR"}}' >>bought; }
call /v1/members '{"external_id": "card-1"}' >/dev/null
( n=1; buy 1; while [ ! -e enough ]; do n=$((n + 1)); buy $n || true; sleep 0.05; done ) & load=$!
sleep 1.5
"""
LATER = """
sleep 2
touch enough; wait $load
stop
"""
GOES_ON = """
mereau serve --host 127.0.0.1 --port 8000
for n in 1 99999; do buy $n; done
mereau settle --wait --timeout 60
contract=$(curl -s $url/v1/program | python3 -c 'import json, sys; print(json.load(sys.stdin)["contract"])')
mereau audit --rpc $url/rpc --contract $contract --receipts $url --rulesets $url
"""


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    (tmp_path / "rules.yaml").write_text((ROOT / "examples" / "simple.yaml").read_text())
    own = {name: str(tmp_path) + name for name in ("/var/lib/mereau", "/var/backups/mereau", "/media/safe")}
    for name in ("var/lib", "media/safe"):
        (tmp_path / name).mkdir(parents=True)
    return Reader(tmp_path, free_port(), own)


def test_a_copy_under_load_comes_back_and_goes_on(reader: Reader) -> None:
    script = (
        commands(PAGE, "Start on one machine")
        + block_with(PAGE, "On an EVM network", "cp -a")  # the keys, once
        + LOAD
        + block_with(PAGE, "Backup and restore", "begin immediate")
        + commands(PAGE, "What to watch")
        + LATER
        + block_with(PAGE, "Backup and restore", ".lost")
        + GOES_ON
    )
    said = reader.run(reader.paste(script))
    assert said.count("ok\n") == 2
    assert "Everything is settled" in said
    assert "All requested checks held." in said
    assert "mereau_oldest_unsettled_seconds" in said
    assert (reader.folder / "bought").read_text().count('"object":"purchase"') > 10, "the load was none"


def test_an_upgrade_brings_the_tables_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install, *rest = block_with(PAGE, "Upgrade", "mereau migrate").splitlines()
    assert install == commands(PAGE, "Install").splitlines()[1], "the same command as at first"
    monkeypatch.setenv("MEREAU_DATA_DIR", str(tmp_path))
    run = CliRunner().invoke
    assert run(group, ["init"]).exit_code == 0
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    downgrade(engine, "-1")
    engine.dispose()
    refused = run(group, ["serve"]).exception
    assert isinstance(refused, BadSettings)
    assert "mereau migrate" in refused.detail
    said = [run(group, line.split()[1:]) for line in rest]
    assert [done.exit_code for done in said] == [0, 0]
    assert "The tables are current" in said[0].output
    assert "✗" not in said[1].output
