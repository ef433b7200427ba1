"""Exchanges to rows, to files, and back."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from exchange_rows import any_exchanges, row
from hypothesis import HealthCheck, given, settings
from schema import OBSERVATIONS

from orgscope_kit.errors import RunFolderError
from orgscope_kit.read import observations
from orgscope_kit.records import COLUMNS, Exchange

ROUNDS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(any_exchanges)
@ROUNDS
def test_frame_is_what_the_schema_says(exchanges: tuple[Exchange, ...]) -> None:
    """Every frame, the empty one too, has the columns and dtypes of the contract."""
    OBSERVATIONS.validate(observations.frame(exchanges))


@given(any_exchanges)
@ROUNDS
def test_frame_gives_the_exchanges_back(exchanges: tuple[Exchange, ...]) -> None:
    """No exchange loses anything in a frame."""
    assert exchanges == observations.exchanges(observations.frame(exchanges))


@given(any_exchanges)
@ROUNDS
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_file_gives_the_frame_back(kind: str, tmp_path: Path, exchanges: tuple[Exchange, ...]) -> None:
    """A frame that was written and read is the same, dtypes and categories included."""
    expected, path = observations.frame(exchanges), tmp_path / f"observations.{kind}"
    getattr(observations, f"write_{kind}")(expected, path)
    found = getattr(observations, f"read_{kind}")(path)
    pd.testing.assert_frame_equal(expected, found)
    assert exchanges == observations.exchanges(found)


def test_dtypes_name_every_column_in_order() -> None:
    """`DTYPES` documents the columns of the contract, in their order."""
    assert tuple(observations.DTYPES) == COLUMNS


def test_empty_scopes_are_not_missing_scopes() -> None:
    """A server that states no scopes at all and one that states nothing stay apart."""
    frame = observations.frame([row(1, scope_granted=()), row(2, scope_granted=None)])
    assert frame["scope_granted"].isna().tolist() == [False, True]


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
def test_csv_disarms_formulas_of_servers(text: str, tmp_path: Path) -> None:
    """What a spreadsheet would run gets an apostrophe in front in the file, and loses it when read."""
    observations.write_csv(observations.frame([row(error_description=text)]), tmp_path / "o.csv")
    with (tmp_path / "o.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["error_description"] == f"'{text}"
    assert observations.read_csv(tmp_path / "o.csv")["error_description"].tolist() == [text]


def test_lone_surrogate_becomes_the_replacement_character() -> None:
    """Half a surrogate pair, which JSON lets through, does not break the frame."""
    assert observations.frame([row(error="a\ud800")])["error"].tolist() == ["a\ufffd"]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_damaged_file_is_named(kind: str, tmp_path: Path) -> None:
    """A file that holds something else is refused with its path."""
    (tmp_path / "o").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match=str(tmp_path / "o")):
        getattr(observations, f"read_{kind}")(tmp_path / "o")
