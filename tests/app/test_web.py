"""What app/web.py decides: mail, proxies, and what is told to strangers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import request

from token_service.app import open_application
from token_service.app.setup import Founding, initialise, read_ruleset
from token_service.app.web import create_web
from token_service.config import load_settings
from token_service.errors import BadSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("web") / "var"
    initialise(load_settings({}, data_dir=path), Founding(read_ruleset(None)))
    return path


def app_with(folder: Path, **overrides: Any) -> Any:
    application = open_application(load_settings({}, data_dir=folder, **overrides))
    app = create_web(application)

    @app.get("/who")
    def who() -> str:
        return str(request.remote_addr)

    return app


@pytest.fixture
def forwarded() -> dict[str, str]:
    return {"X-Forwarded-For": "203.0.113.7"}


def test_it_believes_no_forwarded_address_by_default(folder: Path, forwarded: dict[str, str]) -> None:
    assert app_with(folder).test_client().get("/who", headers=forwarded).text == "127.0.0.1"


def test_it_believes_as_many_proxies_as_it_is_told_of(folder: Path, forwarded: dict[str, str]) -> None:
    assert app_with(folder, trusted_proxies=1).test_client().get("/who", headers=forwarded).text == "203.0.113.7"


def test_it_never_tells_the_operators_own_node(folder: Path) -> None:
    app = app_with(folder, rpc_url="http://key@127.0.0.1:1/secret", public_rpc_url="https://node.example")
    program = app.test_client().get("/v1/program").json
    assert program["rpc_url"] == "https://node.example"
    assert "secret" not in str(program)


def test_strangers_are_told_the_address_that_they_asked_unless_one_is_set(folder: Path) -> None:
    asked = app_with(folder).test_client().get("/v1/program", base_url="http://127.0.0.1:9123").json
    assert asked["rpc_url"] == "http://127.0.0.1:9123/rpc"
    told = app_with(folder, public_url="https://points.example/").test_client().get("/v1/program").json
    assert told["rpc_url"] == "https://points.example/rpc"


def test_the_mailbox_is_there_in_demos_only(folder: Path) -> None:
    assert app_with(folder).test_client().get("/mailbox").status_code == 404
    assert app_with(folder, demo=True).test_client().get("/mailbox").status_code == 200


def test_a_wrong_mail_server_stops_the_start(folder: Path) -> None:
    with pytest.raises(BadSettings, match="MEREAU_SMTP_URL"):
        app_with(folder, smtp_url="http://mail.example")


@pytest.fixture(autouse=True)
def no_stray_connections(folder: Path) -> Iterator[None]:
    """Every application here reads one database; nothing is left locked."""
    yield
    with open_application(load_settings({}, data_dir=folder)) as application, application.store.write():
        pass
