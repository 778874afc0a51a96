"""A throw-away Foundry project around contracts/ and forge/: its paths are absolute, so it is made where it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from token_service.protocol.contract_build import contract_build

REPOSITORY = Path(__file__).resolve().parents[2]
FORGE_FOLDER = REPOSITORY / "node_modules" / "@foundry-rs" / "forge-linux-amd64" / "bin"
ANALYSIS = REPOSITORY / ".venv-analysis" / "bin"
CONFIG = """[profile.default]
src = "contracts"
test = "forge"
libs = []
solc = "{solc}"
offline = true
via_ir = true
optimizer = true
optimizer_runs = 150
evm_version = "prague"
ast = true
remappings = ["@openzeppelin/=node_modules/@openzeppelin/"]
fuzz = {{ runs = 200, seed = "0x1" }}
[lint]
lint_on_build = false
"""


def make_project(folder: Path, *, with_tests: bool = True) -> Path:
    """A project in `folder` that builds offline with the npm compiler."""
    shutil.copytree(REPOSITORY / "contracts", folder / "contracts")
    (folder / "forge").mkdir()
    if with_tests:
        for source in sorted((REPOSITORY / "tests" / "contracts" / "forge").glob("*.sol")):
            shutil.copy(source, folder / "forge")
        accounts = next(item["slot"] for item in contract_build().storage_layout if item["name"] == "_accounts")
        slots = f"pragma solidity 0.8.37;\nlibrary Slots {{ uint256 internal constant ACCOUNTS = {accounts}; }}\n"
        (folder / "forge" / "Slots.sol").write_text(f"// SPDX-License-Identifier: Apache-2.0\n{slots}")
    (folder / "node_modules").symlink_to(REPOSITORY / "node_modules")
    (folder / "foundry.toml").write_text(CONFIG.format(solc=REPOSITORY / "scripts" / "solc-npm"))
    return folder


def run(folder: Path, *command: str, seconds: int = 150) -> subprocess.CompletedProcess[str]:
    """Runs a tool in the project, with forge on the PATH and no network."""
    paths = [str(FORGE_FOLDER), str(ANALYSIS), os.environ["PATH"]]
    environment = {**os.environ, "PATH": os.pathsep.join(paths), "FOUNDRY_OFFLINE": "true", "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def require_analysis_tools() -> None:
    """halmos and slither pin other versions of what the product uses, so they live in a venv of their own."""
    assert (ANALYSIS / "halmos").is_file(), "run scripts/analysis_venv.sh first: it makes .venv-analysis"
