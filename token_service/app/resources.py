"""Where the files that are not Python lie: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

import token_service
from token_service.errors import BadSettings


def resource_dir(name: str) -> Path:
    """The folder `web` or `examples`. Raises BadSettings when the installation lacks it."""
    package = Path(token_service.__file__).parent
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise BadSettings(f"The folder {name} is missing: this installation is not whole. Install Méreau again.")
