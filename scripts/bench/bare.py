"""What our API stands beside: bare Flask views that insert one row or read one, on the same server and in the same database."""

from __future__ import annotations

import json

from flask import Flask, Response, request
from sqlalchemy import Column, Integer, MetaData, String, Table, Text, insert, select
from sqlalchemy.engine import Connection

from token_service.app import open_application

METADATA = MetaData()
ROWS = Table(
    "bench_rows",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("reference", String(64), nullable=False, unique=True),
    Column("body", Text, nullable=False),
)


def create_wsgi() -> Flask:
    """POST /rows inserts the body, GET /rows/1 reads one; made in the web process, after its fork."""
    app, store = Flask("bare"), open_application().store
    store.leave_checkpoints()  # as our web process does
    METADATA.create_all(store.engine)

    @app.post("/rows")
    def insert_row() -> Response:
        body = request.get_json()

        def work(connection: Connection) -> None:
            connection.execute(insert(ROWS).values(reference=body["reference"], body=json.dumps(body)))

        store.transact(work)
        return Response(json.dumps(body), status=201, mimetype="application/json")

    @app.get("/rows/<int:number>")
    def read_row(number: int) -> Response:
        with store.read() as connection:
            row = connection.execute(select(ROWS).where(ROWS.c.id == number)).one()
        return Response(row.body, mimetype="application/json")

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    return app
