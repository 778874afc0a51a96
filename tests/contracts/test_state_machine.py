"""The contract does what the model says, in any order of calls, on both chains."""

from __future__ import annotations

import pytest
from contract_machine import ContractMachine
from contract_program import Program
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def machine_on(program: Program) -> type[ContractMachine]:
    return type("MachineOnChain", (ContractMachine,), {"program": program})


def test_it_agrees_with_the_model_on_eth_tester(program: Program) -> None:
    run_state_machine_as_test(
        machine_on(program),
        settings=settings(max_examples=7, stateful_step_count=30, deadline=None, suppress_health_check=CHECKS),
    )


def test_it_agrees_with_the_model_on_anvil(anvil_program: Program) -> None:
    run_state_machine_as_test(
        machine_on(anvil_program),
        settings=settings(max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=CHECKS),
    )


@pytest.mark.soak
def test_it_agrees_with_the_model_through_many_histories(program: Program) -> None:
    run_state_machine_as_test(
        machine_on(program),
        settings=settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=CHECKS),
    )
