"""A fleet from a CSV file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orgscope_kit.ask.spec import Draft, from_mapping, read

HEAD = "org,token_url,client_id,client_secret,scopes"


def fleet(folder: Path, csv: str | bytes, name: str = "orgs.csv", head: str = "scopes: [a]") -> Draft:
    (folder / "orgs.csv").write_bytes(csv if isinstance(csv, bytes) else csv.encode())
    (folder / "acme.yaml").write_text(f"{head}\norgs: {{from: {name}}}\n", encoding="utf-8")
    return read(folder / "acme.yaml")


def test_fleet(tmp_path: Path) -> None:
    """Rows are orgs: `{org}` is filled in, empty cells are absent, unknown columns become tags."""
    rows = f"{HEAD},Country\nlyon,https://{{org}}.example/t,c1,env:{{org}}_SECRET,x y,FR\n\nbonn,https://b.example/t,c2,dotenv:B,,\n"
    spec = fleet(tmp_path, rows).spec
    assert spec is not None
    lyon, bonn = spec.orgs
    assert ("https://lyon.example/t", ("x", "y"), {"Country": "FR"}) == (lyon.token_url, lyon.scopes, lyon.tags)
    assert (("a",), {}, "env:lyon_SECRET") == (bonn.scopes, bonn.tags, str(spec.secrets["lyon"]))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_semicolon(tmp_path: Path, encoding: str) -> None:
    """A spreadsheet's semicolons and byte order mark are read."""
    rows = f"{HEAD.replace(',', ';')}\r\nlyon;https://l.example/t;c1;env:A;x\r\n"
    spec = fleet(tmp_path, rows.encode(encoding)).spec
    assert spec is not None and ["lyon"] == [each.name for each in spec.orgs]


def test_frozen_holds_rows(tmp_path: Path) -> None:
    """The frozen form needs no CSV file any more."""
    spec = fleet(tmp_path, f'{HEAD},tags,team\nlyon,https://l.example/t,c1,env:A,x,"eu, big",7\n').spec
    assert spec is not None
    (tmp_path / "orgs.csv").unlink()
    again = from_mapping(json.loads(json.dumps(spec.frozen)), source=spec.source).spec
    assert spec == again
    assert {"eu": "", "big": "", "team": "7"} == spec.orgs[0].tags


def test_places(tmp_path: Path) -> None:
    """A fault is told with the file's line and column, a quoted line break counted."""
    lyon = 'lyon,https://l.example/t,c1,env:A,x,"two\nlines"'
    rows = f'{HEAD},note\n{lyon}\nbonn,http://b.example/t,c2,env:B,x "y,\nlyon,,,,,\n'
    expected = [
        "orgs.csv line 2, column tags",
        "orgs.csv line 4, column scopes",
        "orgs.csv line 4, column token_url",
        "orgs.csv line 5, column org",
    ]
    assert expected == [each.place for each in fleet(tmp_path, rows).problems]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ("", "orgs.csv line 1"),
        (HEAD, "acme.yaml: orgs.from (line 2)"),
        ("name,token_url\nx,y", "orgs.csv line 1"),
        (f"{HEAD},org\nlyon,https://l.example/t,c,env:A,x,b", "orgs.csv line 1, column org"),
        (f"{HEAD},org_id\nlyon,https://l.example/t,c,env:A,x,7", "orgs.csv line 1, column org_id"),
        (f"{HEAD},token\nlyon,https://l.example/t,c,env:A,x,7", "orgs.csv line 1, column token"),
        (f"{HEAD}\nlyon,https://l.example/t,c,env:A,x,more", "orgs.csv line 2"),
        (f'{HEAD}\nlyon,"https://l.example/t', "orgs.csv line 2"),
        (f"{HEAD}\n,https://l.example/t,c,env:A,x", "orgs.csv line 2, column org"),
        (b"org\n\xff\xfe", "orgs.csv"),
    ],
)
def test_bad_csv(tmp_path: Path, rows: str | bytes, place: str) -> None:
    """Each way to get a CSV file wrong is told at its place."""
    draft = fleet(tmp_path, rows)
    assert draft.spec is None
    assert [place] == [each.place for each in draft.problems]


def test_literal_secrets_stay_hidden(tmp_path: Path) -> None:
    """A literal secret in a cell, or a column that holds them, is refused and not shown."""
    draft = fleet(tmp_path, f"{HEAD},Password\nlyon,https://l.example/t,c1,s3cr3tKx9,x,hunter2hunter2\n")
    assert ["orgs.csv line 1, column Password", "orgs.csv line 2, column client_secret"] == [
        e.place for e in draft.problems
    ]
    assert [] == [each for each in draft.problems if "s3cr3tKx9" in str(each) or "hunter2" in str(each)]


def test_misspelt_column(tmp_path: Path) -> None:
    """A column that is nearly a key is carried as a tag with a warning."""
    draft = fleet(tmp_path, f"{HEAD},redirect_url\nlyon,https://l.example/t,c1,env:A,x,https://l.example/cb\n")
    assert [("warning", "Did you mean `redirect_uri`?")] == [(each.severity, each.fix) for each in draft.problems]


@pytest.mark.parametrize("name", ["../orgs.csv", "/etc/passwd", "C:/orgs.csv", "sub/../../orgs.csv", "link.csv", "''"])
def test_outside(tmp_path: Path, name: str) -> None:
    """The CSV file lies below the investigation's folder, links followed."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "orgs.csv").write_text(HEAD)
    (inside / "link.csv").symlink_to(tmp_path / "orgs.csv")
    (problem,) = fleet(inside, HEAD, name).problems
    assert "acme.yaml: orgs.from (line 2)" == problem.place


def test_beside_orgs(tmp_path: Path) -> None:
    """A CSV file does not mix with orgs in the file."""
    draft = from_mapping({"scopes": "a", "orgs": {"from": "orgs.csv", "acme": {}}}, folder=tmp_path)
    assert "`from` stands beside other orgs" in [each.what for each in draft.problems]
