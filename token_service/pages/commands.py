"""Addresses and commands with which somebody checks this very deployment without taking our word for it."""

from __future__ import annotations

import shlex

from flask import request

from token_service.ledger.views import Program
from token_service.pages.services import Services
from token_service.pages.translation import gettext


def own_address(given: Services) -> str:
    """Where this service is reached, without a slash at the end."""
    return (given.public_url or request.host_url).rstrip("/")


def node_address(given: Services, program: Program) -> str:
    """A node that anybody may ask: our own /rpc, or the one that the operator names, or a placeholder."""
    return f"{own_address(given)}/rpc" if program.embedded else given.rpc_url or gettext("YOUR_NODE")


def verify_command(given: Services, program: Program, contract: str, file_name: str, *, block: str | None) -> str:
    """The line that checks a receipt which was kept as a file, for a shell; `block` unless it is the newest final one."""
    options = {"rpc": node_address(given, program), "contract": contract} | ({} if block is None else {"block": block})
    words = ["mereau verify", shlex.quote(file_name)]
    return " ".join([*words, *(f"--{name} {shlex.quote(value)}" for name, value in options.items())])
