"""The base installation is the auditor's: no Flask, no SQLAlchemy, no chain library comes with it or is imported by it."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

from anvil_node import running_anvil
from audit.opened_programme import make_opened
from audit.programme import START
from audit.test_replayed_lies import RULES

ROOT = Path(__file__).parents[2]
SERVER_ONLY = ("flask", "sqlalchemy", "web3", "eth", "alembic", "granian", "nacl", "structlog", "ulid")


def test_the_base_dependencies_have_nothing_of_the_server() -> None:
    base = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {requirement.split("[")[0].split("=")[0].split(">")[0].lower() for requirement in base}
    assert not names & {"flask", "sqlalchemy", "web3", "alembic", "granian", "py-evm"}


def test_the_auditors_commands_import_nothing_of_the_server() -> None:
    program = (
        "import sys\n"
        f"for name in {SERVER_ONLY!r}: sys.modules[name] = None\n"
        "from token_service.cli import main\n"
        "sys.argv = ['mereau', *sys.argv[1:]]\n"
        "main()\n"
    )
    for words in (["audit", "--help"], ["verify", "--help"], ["ruleset", "check", "examples/simple.yaml"], ["--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr


def test_a_server_command_without_the_server_says_what_to_install() -> None:
    program = "import sys; sys.modules['sqlalchemy'] = None; from token_service.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "doctor"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 78
    assert "mereau[server]" in done.stderr
    assert "Traceback" not in done.stderr


def installed(folder: Path) -> Path:
    """A fresh environment with what `pip install mereau` brings, and nothing else; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    python = folder / "bin" / "python"
    options = ("--quiet", "--no-compile", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt"))
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(ROOT)]
    subprocess.run(command, check=True, timeout=200)
    return python


def test_a_fresh_installation_replays_a_programme_from_its_chain(tmp_path: Path) -> None:
    """Nothing of the server is there to import; the chain, the openings and the rules are a real ledger's."""
    python = installed(tmp_path / "venv")
    probe = "import importlib.util as u, sys; sys.exit(any(u.find_spec(n) for n in sys.argv[1:]))"
    server = (*SERVER_ONLY, "jinja2", "altair")
    subprocess.run([str(python), "-c", probe, *server], check=True, timeout=60)
    with running_anvil("--timestamp", str(START), "--hardfork", "prague") as node:
        made = make_opened(node.url, tmp_path, tmp_path / "keys", RULES)
        member = made.town.member()
        bought = made.town.buy(member, 120_000)
        redeemed = made.town.redeem(member, None, reward_id="coffee")
        made.town.refund(bought.value.id, 20_000)
        made.town.restore(redeemed.value.id)
        made.settle()
        made.town.pass_time(timedelta(days=31))
        made.settle()
        made.town.context.store.dispose()
        page = tmp_path / "report.html"
        options = ("--rpc", node.url, "--contract", made.chain.contract, "--block", "latest")
        done = subprocess.run(
            [str(python.parent / "mereau"), "audit", *options, "--openings", str(made.folder), "--html", str(page), "--json"],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["openings"]["opened"] == report["counts"]["leaves"] == 6
    assert "All requested checks held" in page.read_text()
