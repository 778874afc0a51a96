"""A ruleset out of a file that a command is given."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from token_service.errors import InvalidInput
from token_service.program.document import DOCUMENT_BYTES_MAX
from token_service.program.ruleset import Ruleset, parse_ruleset

FILE: Final = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


def read_ruleset_file(path: Path) -> Ruleset:
    """The ruleset in a file. Raises InvalidInput."""
    with path.open("rb") as file:
        content = file.read(DOCUMENT_BYTES_MAX + 1)
    try:
        return parse_ruleset(content.decode())
    except UnicodeDecodeError as error:
        raise InvalidInput("The file is not UTF-8 text.") from error
