"""`mereau members import`: the guide's file and commands as they stand there; every wrong row by its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deployments import Deployment
from documents import ROOT, Reader, blocks, commands
from ledger_town import ADMIN, make_town

from token_service.cli import bringing_in
from token_service.cli.bringing_in import Importing, bring_all_in, check_all
from token_service.cli.member_csv import read_members
from token_service.errors import InvalidInput
from token_service.ledger.import_inputs import NewImport
from token_service.ledger.staff import NewPerson, add_person, find_person
from token_service.ledger.store import open_store, sqlite_url
from token_service.migrations import upgrade

PAGE = "docs/importing.md"
EXAMPLE = ROOT / "examples" / "members.csv"
HEAD = "member,points,points_expire_at,reference,enrolled_at,email,name,language,birth_date\n"


def wrong(folder: Path, *rows: str, head: str = HEAD) -> list[tuple[int, str]]:
    """Line and words of each wrong row."""
    path = folder / "members.csv"
    path.write_text(head + "".join(row + "\n" for row in rows))
    return [(row.line, row.said) for row in read_members(path, "Europe/Paris", "mrc_1").bad]


def test_the_guides_example_is_the_file_beside_it() -> None:
    (block,) = blocks(PAGE, "The file", "csv")
    assert block.text == EXAMPLE.read_text()
    told = read_members(EXAMPLE, "Europe/Paris", "mrc_1")
    assert (len(told.accounts), told.rows, told.points, told.bad) == (3, 4, 1_630, ())
    lea = told.accounts[0]
    assert [lot.expires_at and lot.expires_at.isoformat() for lot in lea.lots] == [
        "2028-06-30T22:00:00+00:00",
        "2028-12-31T23:00:00+00:00",
    ], "to the end of the day in Paris"
    assert str(lea.member.enrolled_at) == "2019-03-13 23:00:00+00:00"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",5,,,,,,,", "member is empty"),
        ("C-1,5", "another number of columns"),
        ("C-1,1 200,,,,,,,", "points must be a whole number"),
        ("C-1,-5,,,,,,,", "points must be a whole number"),
        ("C-1,99999999999999999,,,,,,,", "points must be a whole number"),
        ("C-1,5,30/06/2028,,,,,,", "points_expire_at must be a date or a time"),
        ("C-1,5,9999-12-31,,,,,,", "points_expire_at must be a date or a time"),
        ("C-1,5,8000-12-31,,,,,,", "the year must lie between"),
        ("C-1,,2028-06-30,,,,,,", "points_expire_at without points"),
        ("C-1,5,,,yesterday,,,,", "enrolled_at must be a date or a time"),
        ("C-1,5,,,,,,nl,", "language must be one of fr, en"),
        ("C-1,5,,,,,,,1.5.1990", "birth_date must be a date"),
        ("C-0,5,,,,other@example.org,,,", "email: line 2 says something else of this member"),
        ("C-1,5,,old-1,,,,,", "line 2 has the same reference"),
    ],
)
def test_each_wrong_row_is_named_by_its_line_with_what_to_do(tmp_path: Path, row: str, words: str) -> None:
    ((line, said),) = wrong(tmp_path, "C-0,5,,old-1,,zoe@example.org,,,", row, "C-2,7,,,,,,,")
    assert line == 3
    assert words in said


@pytest.mark.parametrize("head", ["", "card,points\n", "member,point\n", "member,member\n"])
def test_a_file_without_the_right_columns_is_refused(tmp_path: Path, head: str) -> None:
    with pytest.raises(InvalidInput, match="known are member, points"):
        wrong(tmp_path, "C-1,5", head=head)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    path.write_bytes(HEAD.encode() + b"C-1,5,,,,,Ren\xe9,,\n")
    with pytest.raises(InvalidInput, match="CSV UTF-8"):
        read_members(path, "Europe/Paris", "mrc_1")


def test_the_guides_commands_bring_its_file_in_once(deployment: Deployment) -> None:
    """One deployment: the guide's commands, the same again, a changed file, one that waits for a second person."""
    folder = deployment.folder.parent
    (folder / "members.csv").write_text(EXAMPLE.read_text())
    assert deployment.run("merchant", "create", "Boulangerie Paul").returncode == 0
    script = commands(PAGE, "Coming from an earlier programme")
    said = Reader(folder, port=0).run(script, MEREAU_DATA_DIR=str(deployment.folder))
    assert "3 members and 1,630 points would come in\nNothing was written." in said
    assert "3 members and 1,630 points came in\n" in said
    words = ["--merchant", "Boulangerie Paul", "--from", "Carte Paul", "--as", "ann@example.org"]
    again = deployment.json("members", "import", str(folder / "members.csv"), *words)
    assert (again["members"], again["points"], again["members_before"], again["points_before"]) == (0, 0, 3, 1_630)
    changed = folder / "changed.csv"
    changed.write_text(EXAMPLE.read_text().replace(",80,", ",90,") + "C-1004,x,,,,,,,\n")
    refused = deployment.run("members", "import", str(changed), *words, "--json")
    assert refused.returncode == 1
    bad = json.loads(refused.stdout)["bad"]
    assert [row["line"] for row in bad] == [4, 6]
    own = folder / "own.csv"
    own.write_text("member,points,email\nC-1,5,Ann@example.org\n")
    mine = deployment.run("members", "import", str(own), *words)
    assert (mine.returncode, "let a colleague import it" in mine.stderr) == (1, True)


def test_an_import_that_was_stopped_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumable after a kill: what came in stays, the rest comes, nothing twice; changed rows are found before anything comes."""
    monkeypatch.setattr(bringing_in, "CHUNK", 2)
    store = open_store(sqlite_url(tmp_path / "ledger.db"))
    upgrade(store.engine)
    town = make_town(store, tmp_path / "keys")
    add_person(town.context, ADMIN, NewPerson("ann@example.org", "Ann", "manager"))
    person = find_person(town.context, "ann@example.org")
    assert person is not None
    path = tmp_path / "members.csv"
    path.write_text("member,points\n" + "".join(f"C-{number},10\n" for number in range(5)))

    def importing() -> Importing:
        told = read_members(path, "Europe/Paris", str(town.alice.merchant_id))
        new = NewImport(told.hash, "Old Club", str(town.alice.merchant_id), len(told.accounts), told.points)
        return Importing(town.context, person, new, told)

    found, bad, parts = check_all(importing())
    assert (found.members, found.points, bad, len(parts)) == (5, 50, [], 3)
    bring_all_in(importing(), parts[:2], points_to_come=50)
    found, bad, parts = check_all(importing())
    assert (found.members, found.members_before, found.points, found.points_before) == (1, 4, 10, 40)
    assert bring_all_in(importing(), parts, points_to_come=10).members == 1
    assert check_all(importing())[2] == []
    path.write_text(path.read_text().replace("C-3,10", "C-3,11") + "C-9,1\n")
    found, bad, parts = check_all(importing())
    assert ([row.line for row in bad], found.members) == ([5], 1)
    town.check()
    store.dispose()
