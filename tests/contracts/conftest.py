"""A deployed contract on either chain, as it was before each test."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from contract_chains import Anvil, PyEvm
from contract_program import SIGNERS, Program, deploy, deploy_bare


@pytest.fixture(scope="session")
def deployed() -> Program:
    """On eth-tester's py-evm, with roles, a ruleset, and party 1."""
    return deploy(PyEvm(SIGNERS))


@pytest.fixture
def program(deployed: Program) -> Iterator[Program]:
    """The deployed contract; whatever the test does to it is undone."""
    before = deployed.snapshot()
    yield deployed
    deployed.revert(before)


@pytest.fixture
def bare() -> Program:
    """A contract with roles and nothing else."""
    return deploy_bare(PyEvm(SIGNERS))


@pytest.fixture(scope="module")
def anvil_program() -> Iterator[Program]:
    """The same contract on an anvil of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chain = Anvil(SIGNERS, port=port)
    try:
        yield deploy(chain)
    finally:
        chain.close()
