"""Where the browser's files are, and their addresses with a version, so that browsers may keep them for ever."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent.parent


def web_folder() -> Path:
    """templates/, static/ and translations/: inside the installed package, or beside it in a working tree."""
    inside = PACKAGE / "web"
    return inside if inside.is_dir() else PACKAGE.parent / "web"


def versions(static: Path) -> dict[str, str]:
    """For each file below `static`, by its name with slashes: the first 12 hex digits of its SHA-256."""
    return {
        path.relative_to(static).as_posix(): sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(static.rglob("*"))
        if path.is_file()
    }
