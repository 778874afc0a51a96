"""The files that docs/operators.md shows: environment, unit, proxies, keys."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from documents import ROOT, blocks

from token_service.api.request import BATCH_BODY_BYTES_MAX
from token_service.cli.serve import STOP_SECONDS_MAX
from token_service.config import Settings, load_settings
from token_service.custody.key_ring import create_keys
from token_service.ledger.worker_figures import KINDS

PAGE = "docs/operators.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
MIB = 1024 * 1024


def shown(language: str) -> str:
    (block,) = blocks(PAGE, "As a service, behind a proxy", language)
    return block.text


def test_the_environment_file_is_accepted_as_it_stands() -> None:
    values = dict(line.split("=", 1) for line in shown("ini").splitlines())
    assert set(values) <= {f"MEREAU_{name.upper()}" for name in Settings.model_fields}
    settings = load_settings(values)
    assert settings.trusted_proxies == 1
    assert settings.public_url == "https://points.example"


def test_the_unit_starts_and_stops_what_the_page_says(tmp_path: Path) -> None:
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(shown("systemd"))
    service = unit["Service"]
    assert service["ExecStart"].endswith("/mereau serve --host 127.0.0.1 --port 8000")
    assert int(service["TimeoutStopSec"]) > 2 * STOP_SECONDS_MAX
    assert service["EnvironmentFile"] in TEXT.replace(shown("systemd"), "")
    path = tmp_path / "mereau.service"
    path.write_text(shown("systemd").replace("/opt/mereau/bin/mereau", "/bin/true"))
    check(["systemd-analyze", "verify", str(path)])


def test_the_units_of_a_rolling_restart_share_one_socket_and_say_when_they_are_ready(tmp_path: Path) -> None:
    listening, web = (block.text for block in blocks(PAGE, "Rolling restart", "systemd"))
    assert "Service=mereau-web@1.service" in listening
    for line in ("Type=notify", "NotifyAccess=all", "Sockets=mereau-web.socket", "Requires=mereau-web.socket"):
        assert line in web.splitlines()
    (tmp_path / "mereau-web.socket").write_text(listening)
    (tmp_path / "mereau-web@1.service").write_text(web.replace("/opt/mereau/bin/mereau", "/bin/true"))
    check(["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))])


@pytest.mark.parametrize(
    "header", ["Host $host", "X-Forwarded-For $proxy_add_x_forwarded_for", "X-Forwarded-Proto $scheme"]
)
def test_nginx_passes_on_what_the_service_reads(header: str) -> None:
    assert f"proxy_set_header {header};" in shown("nginx")


def test_both_proxies_let_the_largest_body_through_and_hide_the_figures() -> None:
    sizes = (
        re.search(r"client_max_body_size (\d+)m;", shown("nginx")),
        re.search(r"max_size (\d+)MiB", shown("caddyfile")),
    )
    for size in sizes:
        assert size is not None
        assert int(size[1]) * MIB == BATCH_BODY_BYTES_MAX
    for proxy in (shown("nginx"), shown("caddyfile")):
        assert all(path in proxy for path in ("/metrics", "/status", "127.0.0.1:8000", "points.example"))
        assert proxy.count("{") == proxy.count("}")


def test_the_caddyfile_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "Caddyfile"
    path.write_text(shown("caddyfile"))
    check(["caddy", "validate", "--adapter", "caddyfile", "--config", str(path)])
    assert shown("caddyfile").startswith("points.example {\n\t")


def test_every_key_file_is_in_the_table_of_keys(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys")
    table = TEXT[TEXT.index("\n## Keys") : TEXT.index("\n## Backup and restore")]
    rows = {name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}
    assert rows == {path.name for path in (tmp_path / "keys").iterdir()}


@pytest.mark.parametrize("name", ["operator", "admin", "sealing"])
def test_security_speaks_of_the_same_keys(name: str) -> None:
    security = (ROOT / "SECURITY.md").read_text("utf-8")
    assert f"`{name}.key`" in security
    assert "docs/operators.md#keys" in security


def check(command: list[str]) -> None:
    """Runs a checker of configuration files where this machine has it."""
    if shutil.which(command[0]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert "Unknown" not in done.stderr, done.stderr


def test_every_gauge_of_settlement_is_in_the_table_of_metrics() -> None:
    source = (ROOT / "token_service" / "ledger" / "settlement_gauges.py").read_text("utf-8")
    names = set(re.findall(r'"mereau_(\w+)"', source)) | set(re.findall(r'_one\(\s*"(\w+)"', source))
    names |= set(re.findall(r'name = "(\w+)"', source))
    names |= {f"{name}_total" if kind.is_counter else name for name, kind in KINDS.items()}
    assert len(names) > 15
    text = (ROOT / "docs" / "operators.md").read_text("utf-8")
    assert {name for name in names if f"`mereau_{name}`" not in text} == set()
