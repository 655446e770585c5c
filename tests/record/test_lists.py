from __future__ import annotations

from pathlib import Path

import pytest

from bandit.core.errors import DataError
from bandit.record import lists

HEADER = '"customer_id","offer","decision_id"\n'
ROWS = ['"Zoë","shoes","w.0"\n', '"two\nlines","hats","w.1"\n', '"c","hats","w.2"\n']


def _list(folder: Path, content: bytes) -> Path:
    path = folder / "email.csv"
    path.write_bytes(content)
    return path


def test_rows_that_stay_stay_as_they_are(tmp_path: Path) -> None:
    path = _list(tmp_path, "".join([HEADER, *ROWS]).encode())
    assert lists.without(path, tmp_path / "new", {"w.0", "w.2"}) == 2
    assert (tmp_path / "new").read_text(encoding="utf-8") == HEADER + ROWS[1]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("".join([HEADER, *ROWS]).encode("latin-1"), "codec can't decode"),
        ("".join([HEADER, *ROWS]).replace(",", ";").encode(), "no column decision_id"),
        (b"PK\x03\x04 a workbook", "no column decision_id"),
    ],
)
def test_what_a_spreadsheet_made_of_a_list_is_told(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = _list(tmp_path, content)
    with pytest.raises(
        DataError, match=f"email.csv is not the list .* \\(.*{why}.*; put that back"
    ):
        lists.without(path, tmp_path / "new", {"w.0"})


def test_a_long_key_is_a_cell_too(tmp_path: Path) -> None:
    path = _list(tmp_path, f'{HEADER}"{"k" * 200_000}","shoes","w.0"\n'.encode())
    assert lists.without(path, tmp_path / "new", {"w.0"}) == 1
