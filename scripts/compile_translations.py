"""Compiles web/translations. With --update: first adds new sentences of the pages; with --check: only says what is wrong.

English sentences stand in templates and code; <language>/LC_MESSAGES/messages.po has them in each other language, and the
.mo beside it is what the service reads. Both are committed. --check exits 1 if a sentence is missing, left over, doubtful
or not compiled.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
PLACES = (
    (ROOT / "token_service" / "pages", [("**.py", "python")]),
    (WEB / "templates", [("**.html", "jinja2.ext.babel_extract")]),
)
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}


def extracted() -> Catalog:
    """Every sentence of the pages, with the files it stands in (no line numbers: they would change with every edit)."""
    catalog = Catalog(project="Méreau", charset="utf-8")
    for folder, methods in PLACES:
        found = extract_from_dir(folder, methods, keywords=KEYWORDS, options_map={"**.html": {"silent": "false"}})
        for name, _line, message, _comments, context in found:
            if not message:
                continue
            place = (folder / name).relative_to(ROOT).as_posix()
            catalog.add(message, None, [(place, None)], context=context)
    return catalog


def catalogs() -> dict[Path, Catalog]:
    """The translations there are, by the path of their .po file."""
    found = {}
    for path in sorted((WEB / "translations").glob("*/LC_MESSAGES/messages.po")):
        with path.open("rb") as file:
            found[path] = read_po(file, locale=path.parent.parent.name)
    return found


def compiled(catalog: Catalog) -> bytes:
    """The catalogue as a .mo file: the same bytes for the same sentences."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def update() -> None:
    """Adds new sentences to every .po file (untranslated) and drops those that are gone."""
    template = extracted()
    for path, catalog in catalogs().items():
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.creation_date = catalog.revision_date
        with path.open("wb") as file:
            write_po(file, catalog, width=120, sort_output=True, omit_header=False)


def compile_all() -> None:
    """Writes every .mo file."""
    for path, catalog in catalogs().items():
        path.with_suffix(".mo").write_bytes(compiled(catalog))


def problems() -> list[str]:
    """What is missing, left over, doubtful or not compiled, one sentence each."""
    wanted = {message.id for message in extracted() if message.id}
    found = []
    for path, catalog in catalogs().items():
        name = path.relative_to(ROOT).as_posix()
        have = {message.id: message for message in catalog if message.id}
        found += [f"{name}: not there yet: {missing!r}" for missing in sorted(map(str, wanted - set(have)))]
        found += [f"{name}: no longer used: {extra!r}" for extra in sorted(map(str, set(have) - wanted))]
        for message in have.values():
            parts = message.string if isinstance(message.string, tuple) else (message.string,)
            if message.fuzzy or not all(parts):
                found.append(f"{name}: not translated: {message.id!r}")
            found += [f"{name}: {error}: {message.id!r}" for error in message.check(catalog)]
        binary = path.with_suffix(".mo")
        if not binary.exists() or binary.read_bytes() != compiled(catalog):
            found.append(f"{name}: the .mo file is not compiled from it")
    return found or ([] if catalogs() else ["there is no translation at all"])


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        found = problems()
        print("\n".join(found) or "translations are complete")
        return 1 if found else 0
    if arguments not in ([], ["--update"]):
        print(__doc__)
        return 2
    if arguments:
        update()
    compile_all()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
