"""The base installation is the auditor's: no Flask, no SQLAlchemy, no chain library comes with it or is imported by it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

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
