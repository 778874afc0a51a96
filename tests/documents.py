"""What the project's pages hold: sections, code blocks, links. The tests of README.md and docs/ read them through here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md")))
FUNCTIONS = """
stop() { kill "$server"; wait "$server" || [ $? = 143 ]; }
served() { for _ in $(seq 300); do curl -sf URL/readyz >/dev/null && return; sleep 0.1; done; cat serve.log; return 1; }
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
"""
FENCE = re.compile(r"^( *)```(\w*)$")
HEADING = re.compile(r"^(#{1,6}) (.+)$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page ("docs/api.md"), the heading it stands under, its language, its text without indentation."""

    page: str
    section: str
    language: str
    text: str
    line: int


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: str | Path, section: str | None = None, language: str | None = None) -> list[Block]:
    """The page's fenced blocks in their order; of one section or language when it is named."""
    path = ROOT / page
    return [block for block in _blocks(path) if section in (None, block.section) and language in (None, block.language)]


def commands(page: str, section: str) -> str:
    """All shell blocks of a section as one script. Fails when there is none, so that a renamed section shows."""
    found = [block.text for block in blocks(page, section, "sh")]
    assert found, f"{page} has no commands under “{section}”"
    return "".join(found)


def block_with(page: str, section: str, text: str) -> str:
    """The one shell block of a section that has this text in it."""
    found = [block.text for block in blocks(page, section, "sh") if text in block.text]
    assert len(found) == 1, f"{len(found)} blocks of {page}, “{section}”, have {text!r}"
    return found[0]


def headings(page: Path) -> list[str]:
    """The page's headings; a line of a fenced block that begins with # is none."""
    return [text for kind, text, _ in _lines(page) if kind == "heading"]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return "\n".join(text for kind, text, _ in _lines(page) if kind in ("text", "heading"))


def _blocks(page: Path) -> Iterator[Block]:
    section, opening, lines = "", None, []
    for kind, text, number in _lines(page):
        if kind == "heading":
            section = text
        elif kind == "open":
            opening, lines = (text, number), []
        elif kind == "code":
            lines.append(text)
        elif kind == "close" and opening:
            yield Block(name_of(page), section, opening[0], "".join(f"{line}\n" for line in lines), opening[1])


def _lines(page: Path) -> Iterator[tuple[str, str, int]]:
    """Each line with what it is: text, heading, open (its language), code (without the fence's indentation), close."""
    indentation: str | None = None
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if indentation is None and fence:
            indentation = fence[1]
            yield "open", fence[2], number
        elif indentation is not None and line.strip() == "```":
            indentation = None
            yield "close", "", number
        elif indentation is not None:
            yield "code", line.removeprefix(indentation), number
        elif heading := HEADING.match(line):
            yield "heading", heading[2], number
        else:
            yield "text", line, number
    assert indentation is None, f"{name_of(page)}: a block is never closed"


@dataclass
class Reader:
    """Somebody who pastes a page's commands into a shell: in a folder of their own, on a port of their own.

    `says` are replacements in what they paste, for what the page can only name by example.
    """

    folder: Path
    port: int
    says: dict[str, str] = field(default_factory=dict)
    programs: tuple[Path, ...] = ()
    """Folders with programs that the page takes for granted and this machine may not have."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paste(self, script: str) -> str:
        """The commands with this reader's own names; `serve` goes to the background, and the next command waits for it."""
        serve = f"mereau serve --host 127.0.0.1 --port {self.port}"
        for written, meant in {**self.says, "127.0.0.1:8000": f"127.0.0.1:{self.port}"}.items():
            script = script.replace(written, meant)
        return script.replace("mereau serve --host 127.0.0.1 --port 8000", f"{serve} 2>>serve.log & server=$!\nserved")

    def run(self, script: str, **settings: str) -> str:
        """What the script printed. Fails at its first failing command; whatever it serves is stopped at the end."""
        functions = FUNCTIONS.replace("URL", self.url)
        paths = (Path(sys.executable).parent, *self.programs, os.environ["PATH"])
        bare = {name: value for name, value in os.environ.items() if not name.startswith("MEREAU_")}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", functions + script],
            cwd=self.folder,
            env={**bare, "PATH": ":".join(map(str, paths)), **settings},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n--- said:\n{done.stdout}\n{done.stderr}"
        return done.stdout
