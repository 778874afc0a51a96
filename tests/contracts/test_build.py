"""The committed build is what the sources give, anywhere; and the code on a chain is the build."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from contract_chains import PyEvm
from contract_program import NOTICE, SIGNERS, START, SUNSET_NOTICE, Program, admin, refusal_of
from eth_abi import encode

from token_service.chain.compiler import compile_contract, find_solc, render_build
from token_service.errors import BadSettings
from token_service.protocol.contract_build import contract_build, expected_immutables

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "token_service" / "protocol" / "LoyaltyPoints.json"


def test_the_build_is_rebuilt_byte_for_byte_in_another_folder(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "contracts", tmp_path / "contracts")
    (tmp_path / "node_modules").symlink_to(REPOSITORY / "node_modules")
    solc = find_solc(repository=REPOSITORY, solc_binary=None)
    assert render_build(compile_contract(repository=tmp_path, solc=solc)) == BUILD.read_text(encoding="utf-8")


def test_a_compiler_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="SOLC_BINARY"):
        find_solc(repository=REPOSITORY, solc_binary=tmp_path / "solc")
    with pytest.raises(BadSettings, match="npm ci"):
        find_solc(repository=tmp_path, solc_binary=None)


def test_the_code_on_the_chain_is_the_build_with_its_immutables(program: Program) -> None:
    build, code = contract_build(), program.chain.code(program.address)
    assert code != build.deployed_bytecode
    assert build.is_code_of_build(code)
    assert build.immutables_in(code) == expected_immutables(
        chain_id=program.chain.chain_id,
        address=program.address,
        deployed_at=program.ask("DEPLOYED_AT"),
        notice_period=NOTICE,
        sunset_notice=SUNSET_NOTICE,
    )


def test_other_code_is_not_the_build(program: Program) -> None:
    build, code = contract_build(), program.chain.code(program.address)
    other = bytearray(code)
    other[100] ^= 1
    assert not build.is_code_of_build(bytes(other))
    assert not build.is_code_of_build(code + b"\0")
    assert not build.is_code_of_build(b"")
    place = bytearray(code)
    place[build.immutables["noticePeriod"][0] + 31] ^= 1
    assert not build.is_code_of_build(bytes(place)), "an immutable that differs between its places"


def test_it_is_deployed_with_its_arguments(program: Program) -> None:
    assert program.ask("name") == "Les Halles"
    assert program.ask("symbol") == "HALLES"
    assert program.ask("decimals") == 0
    assert program.ask("noticePeriod") == NOTICE
    assert program.ask("sunsetNotice") == SUNSET_NOTICE
    assert program.ask("DEPLOYED_AT") == 1
    assert program.ask("owner") == program.ask("defaultAdmin") == admin.address.lower()
    assert program.ask("totalSupply") == 0


def test_a_notice_of_more_than_ten_years_is_refused() -> None:
    chain = PyEvm(SIGNERS)
    types = ["string", "string", "address", "uint48", "uint40", "uint40"]
    arguments = encode(types, ["A", "B", admin.address, 0, 3650 * 86_400 + 1, 0])
    sent = chain.send(admin, None, contract_build().bytecode + arguments, at=START)
    assert refusal_of(sent.output).name == "NoticeTooLong"


def test_a_name_may_be_longer_than_a_signature_domain_holds() -> None:
    chain = PyEvm(SIGNERS)
    types = ["string", "string", "address", "uint48", "uint40", "uint40"]
    name = "La Carte des Grandes Halles du Marché Saint-Germain"
    arguments = encode(types, [name, "HALLES", admin.address, 0, 0, 0])
    sent = chain.send(admin, None, contract_build().bytecode + arguments, at=START)
    assert Program(chain, sent.contract or b"", START).ask("name") == name


def test_every_source_is_named_with_its_hash() -> None:
    hashes = contract_build().source_hashes
    assert {f"contracts/{path.name}" for path in (REPOSITORY / "contracts").glob("*.sol")} <= set(hashes)
    assert any(name.startswith("@openzeppelin/contracts/") for name in hashes)
