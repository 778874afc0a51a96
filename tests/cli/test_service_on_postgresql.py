"""The whole service with its ledger on PostgreSQL, and the import of real baskets, from outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import PostgreSQL

from .conftest import Deployment, purchase


def plain_url(url: str) -> str:
    """As an operator would write it: without SQLAlchemy's driver name."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_a_purchase_on_postgresql_is_settled_and_audited(postgresql: PostgreSQL, tmp_path: Path) -> None:
    url = postgresql.new_database()
    made = Deployment(tmp_path / "var", settings={"MEREAU_DATABASE_URL": plain_url(url)})
    done = made.run("init")
    assert done.returncode == 0, done.stderr
    key = made.key()
    with made.serving():
        made.post("/v1/members", {"external_id": "card-1"}, key)
        answers = [made.post("/v1/purchases", purchase(f"ticket-{n}"), key) for n in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 201]
        assert made.run("settle", "--wait", "--timeout", "60").returncode == 0
        contract = made.get("/v1/program").json()["contract"]
        audit = made.run("audit", "--rpc", f"{made.url}/rpc", "--contract", contract, "--receipts", made.url)
        assert audit.returncode == 0, audit.stdout + audit.stderr
        assert made.run("rebuild", "--check").returncode == 0
    assert not (made.folder / "ledger.db").exists()
    postgresql.drop(url)


@pytest.mark.soak  # test_demo.py imports them as well
def test_real_baskets_are_imported_once_beside_a_running_server(tmp_path: Path) -> None:
    made = Deployment(tmp_path / "var")
    assert made.run("init").returncode == 0
    words = ("import", "completejourney", "--households", "8", "--weeks", "2")
    with made.serving():
        first = made.json(*words)
        again = made.json(*words)
        assert made.run("settle", "--wait", "--timeout", "60").returncode == 0
    assert first["purchases"] > 10
    assert (first["replayed"], again["replayed"]) == (0, first["purchases"])
    assert first["points"] == again["points"] > 0
    wrong = made.run("import", "completejourney", "--households", "0")
    assert wrong.returncode == 1
    assert "1 to 2469" in wrong.stderr
