"""Settings: every one documented, a bad value stops the start, secrets stay secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from token_service.config import Settings, load_settings
from token_service.errors import BadSettings

OPERATORS = Path(__file__).parents[2] / "docs" / "operators.md"


def test_the_defaults_are_sqlite_and_the_embedded_chain() -> None:
    settings = load_settings({})
    assert settings.embedded
    assert settings.ledger_url == "sqlite:///var/ledger.db"
    assert settings.settle_within == timedelta(hours=1)


def test_every_setting_is_documented_for_operators() -> None:
    text = OPERATORS.read_text()
    for name in Settings.model_fields:
        assert f"| `MEREAU_{name.upper()}` |" in text, name


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATCH_ENTRIES", "0"),
        ("BATCH_ENTRIES", "many"),
        ("LOG_LEVEL", "loud"),
        ("CLOCK", "tomorrow"),
        ("DEMO", "perhaps"),
        ("FAILPOINT", "plan.before_commit"),
        ("FAILPOINT", "plan.before_commit:0"),
    ],
)
def test_a_bad_value_stops_the_start_and_is_named_but_not_echoed(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"MEREAU_{name}"):
        load_settings({f"MEREAU_{name}": value})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text("postgresql://mereau:hunter2@localhost/points\n")
    settings = load_settings({"MEREAU_DATABASE_URL_FILE": str(path)})
    assert settings.ledger_url == "postgresql+psycopg://mereau:hunter2@localhost/points"
    assert "hunter2" not in repr(settings)


def test_a_missing_secret_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="MEREAU_SMTP_URL_FILE"):
        load_settings({"MEREAU_SMTP_URL_FILE": str(tmp_path / "nothing")})


def test_a_moved_clock_is_refused_on_a_real_chain() -> None:
    with pytest.raises(BadSettings, match="MEREAU_CLOCK"):
        load_settings({"MEREAU_CLOCK": "file:/tmp/x", "MEREAU_RPC_URL": "http://127.0.0.1:8545"})


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = load_settings({})
    with pytest.raises(ValueError, match="frozen"):
        settings.demo = True  # type: ignore[misc]
