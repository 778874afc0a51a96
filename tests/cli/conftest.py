"""A deployment of its own for each test of a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from deployments import COMMAND, Deployment, founded, free_port, purchase, stop

__all__ = ["COMMAND", "Deployment", "free_port", "purchase", "stop"]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A deployment with the default rules."""
    return founded(tmp_path / "var")
