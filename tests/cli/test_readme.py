"""The README's five minutes with curl, run as they stand there (but for the port, and for waiting until it serves)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from .conftest import free_port

ROOT = Path(__file__).parents[2]


def commands() -> str:
    section = (ROOT / "README.md").read_text().split("## Five minutes with curl")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def test_the_five_minutes_with_curl_end_in_a_clean_audit(tmp_path: Path) -> None:
    port = free_port()
    ready = f"until curl -sf http://127.0.0.1:{port}/readyz >/dev/null; do sleep 0.2; done"
    script = (
        commands()
        .replace("pip install '.[server]'\n", "")
        .replace("MEREAU_DATA_DIR=./var", f"MEREAU_DATA_DIR={tmp_path}/var MEREAU_PUBLIC_URL=http://127.0.0.1:{port}")
        .replace(
            "mereau serve &",
            f"mereau serve --port {port} &\nserver=$!; trap 'kill $server; wait $server' EXIT\n{ready}",
        )
        .replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MEREAU_")}
    environment = {**bare, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"points":23' in done.stdout.replace(" ", "")
    assert "All requested checks held." in done.stdout
