"""A deployment of its own for each test of a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from deployments import COMMAND, Deployment, free_port, purchase, stop

__all__ = ["COMMAND", "Deployment", "free_port", "purchase", "stop"]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A deployment with the default rules."""
    made = Deployment(tmp_path / "var")
    done = made.run("init")
    assert done.returncode == 0, done.stderr
    return made
