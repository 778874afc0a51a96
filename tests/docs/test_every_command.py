"""Every shell block of the pages is run by a test, or stands here with the reason why not; and each `mereau …` is a command."""

from __future__ import annotations

import re

import click
import pytest
from documents import PAGES, ROOT, Block, blocks, name_of, prose

from token_service.cli import group

RUN = {
    ("README.md", "Five minutes with curl"): "tests/cli/test_readme.py",
    ("docs/api.md", "*"): "tests/api/test_api_guide.py",
    ("docs/api.md", "Honour a voucher"): "tests/api/test_api_vouchers.py",
    ("docs/operators.md", "Start on one machine"): "tests/docs/test_operators_backup.py",
    ("docs/operators.md", "What to watch"): "tests/docs/test_operators_backup.py",
    ("docs/operators.md", "Upgrade"): "tests/docs/test_operators_backup.py",
    ("docs/operators.md", "Backup and restore"): "tests/docs/test_operators_chain.py",
    ("docs/operators.md", "On an EVM network"): "tests/docs/test_operators_chain.py",
    ("docs/importing.md", "*"): "tests/cli/test_members_import.py",
    ("docs/custody.md", "Key files under a passphrase"): "tests/custody/test_signer_host.py",
    ("docs/custody.md", "The signer as a process"): "tests/custody/test_signer_host.py",
    ("docs/custody.md", "A new key in place of an old one"): "tests/custody/test_signer_host.py",
    ("docs/drills.md", "Signer's host"): "tests/custody/test_signer_host.py",
    ("docs/drills.md", "Operator's key"): "tests/custody/test_signer_host.py",
    ("docs/drills.md", "Admin's key"): "tests/custody/test_signer_host.py",
    ("docs/drills.md", "Sealing key"): "tests/custody/test_signer_host.py",
    ("docs/console.md", "For staff: who may do what"): "tests/docs/test_managers_commands.py",
    ("docs/settlement.md", "How it is tried"): "tests/simulation/test_seeds.py",
    ("docs/rulesets.md", "Changing the rules"): "tests/docs/test_managers_commands.py",
}
"""Page and heading ("*": the whole page) → the test that takes the commands from there and runs them."""
NOT_RUN = {
    ("README.md", "Two commands"): "`make test` runs this test; tests/cli/test_demo.py runs what `make demo` runs",
    (
        "docs/operators.md",
        "Install",
    ): "needs the package registry; the command is that of `make`, and Upgrade repeats it",
    ("docs/audit.md", "*"): "names another's programme; tests/audit tries every option, README's audit is run",
    ("docs/console.md", "*"): "its pages are driven by tests/pages",
    ("docs/wallet.md", "*"): "for translators; tests/pages/test_translations.py runs it with --check",
    ("docs/till.md", "*"): "its pages are driven by tests/pages",
    ("docs/bench.md", "*"): "takes minutes; tests/structure/test_bench.py runs its parts",
}
SHELL = [block for page in PAGES for block in blocks(page, language="sh")]
CONSOLE = [block for page in PAGES for block in blocks(page) if block.language in ("sh", "console", "systemd", "text")]
INLINE = sorted(
    {(name_of(page), words) for page in PAGES for words in re.findall(r"`mereau ([a-z][^`…]*)`", prose(page))}
)
ENDS = {"|", "&", "&&", ";", ")", ">", ">>", "||"}


def place_of(block: Block) -> tuple[str, str]:
    """Where the block is listed: under its own heading, or with its whole page."""
    own = (block.page, block.section)
    return own if own in RUN or own in NOT_RUN else (block.page, "*")


@pytest.mark.parametrize("block", SHELL, ids=lambda block: f"{block.page}:{block.line}")
def test_every_shell_block_is_run_or_says_why_not(block: Block) -> None:
    place = place_of(block)
    assert place in RUN or place in NOT_RUN, f"{block.page}, line {block.line}: run it in a test and list it here"


@pytest.mark.parametrize(("place", "test"), RUN.items(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_test_that_is_named_reads_the_page(place: tuple[str, str], test: str) -> None:
    page, section = place
    text = (ROOT / test).read_text("utf-8")
    assert page in text
    assert section == "*" or section in text
    assert any((block.page, section) == place or section == "*" for block in SHELL if block.page == page)


def invocations(text: str) -> list[list[str]]:
    """The words behind each `mereau` of a script."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [line.removeprefix("$ ").split(" # ")[0] for line in joined.splitlines()]
    found = []
    for line in lines:
        if not re.search(r"(^|[\s(/])mereau ", line) or line.lstrip().startswith("#"):
            continue
        tokens = re.sub(r"[()|;&]", lambda sign: f" {sign[0]} ", line.replace("'", " ").replace('"', " ")).split()
        for place, token in enumerate(tokens):
            if token == "mereau" or token.endswith("/mereau"):
                rest = tokens[place + 1 :]
                end = next((n for n, word in enumerate(rest) if word in ENDS), len(rest))
                found.append(rest[:end])
    return found


def check_words(words: list[str]) -> None:
    """Fails unless the words name a command, and options that it has."""
    command: click.Command = group
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        inner = command.get_command(click.Context(command), rest.pop(0))
        assert inner is not None, words
        command = inner
    options = {name for parameter in command.params for name in parameter.opts} | {"--help", "--version"}
    unknown = [word for word in rest if word.startswith("--") and word.split("=")[0] not in options]
    assert unknown == [], words


@pytest.mark.parametrize("block", CONSOLE, ids=lambda block: f"{block.page}:{block.line}")
def test_every_command_in_a_block_exists_with_its_options(block: Block) -> None:
    for words in invocations(block.text):
        check_words(words)


@pytest.mark.parametrize(("document", "words"), INLINE)
def test_every_command_in_a_sentence_exists_with_its_options(document: str, words: str) -> None:
    assert document
    check_words(re.split(r"[|]| \[", words)[0].split())


def test_commands_are_found_where_they_stand() -> None:
    script = 'key=$(mereau api-key create --merchant "A B" --json | jq) # no\n/opt/bin/mereau serve &\n'
    assert invocations(script) == [["api-key", "create", "--merchant", "A", "B", "--json"], ["serve"]]
    assert sum(len(invocations(block.text)) for block in CONSOLE) > 25
    assert len(INLINE) > 15
    with pytest.raises(AssertionError):
        check_words(["serve", "--no-such-option"])
    with pytest.raises(AssertionError):
        check_words(["no-such-command"])
