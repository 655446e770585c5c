"""CSV as text: its columns, its broken lines by number, its ends. What a cell says comes later."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from bandit.core import sql
from bandit.core.errors import DataError

MAX_HEADER_CHARACTERS = 1_000_000
MAX_COLUMNS = 10_000
MAX_LINE_BYTES = 2_000_000
RESERVED = "_bandit_"
"""Names that begin so are ours."""

_CHUNK = 1 << 20
_DELIMITERS = ",;\t|"


class Text(NamedTuple):
    """CSV files of one header, as text: SQL of a reader that stops at a broken line or goes on."""

    columns: tuple[str, ...]
    strict: str
    tolerant: str
    notes: tuple[str, ...]


def read(files: Sequence[Path]) -> Text:
    """Look at headers and ends; DataError names the file and what is wrong with it."""
    headers = [_header(file) for file in files]
    first = headers[0].names
    for file, header in zip(files, headers, strict=True):
        if sorted(header.names) != sorted(first):
            odd = sorted(set(header.names) ^ set(first))
            raise DataError(
                f"{file}, line 1 names other columns than {files[0]}: {', '.join(odd[:5])};"
                " files of one source have the same columns"
            )
    pairs = list(zip(files, headers, strict=True))
    return Text(
        columns=first,
        strict=" UNION ALL BY NAME ".join(_reader(f, h, "") for f, h in pairs),
        tolerant=" UNION ALL BY NAME ".join(
            _reader(f, h, ", store_rejects=true, rejects_limit=20") for f, h in pairs
        ),
        notes=tuple(note for file in files for note in _ends(file)),
    )


class _Header(NamedTuple):
    names: tuple[str, ...]
    nameless: int
    delimiter: str
    skip: int


def _header(file: Path) -> _Header:
    """Column names and delimiter from the first line, or the second after Excel's `sep=;`.

    Columns without a name after the last that has one are nothing: lines that end in `;;`.
    """
    try:
        with _open(file) as stream:
            start = stream.read(MAX_HEADER_CHARACTERS)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise DataError(f"{file} is written in UTF-16; save the file as UTF-8")
        line = start.decode("utf-8-sig", errors="replace")
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise _no_gzip(file, e) from None
    except OSError as e:
        raise DataError(f"{file} cannot be read: {e.strerror}") from None
    told, skip = "", 0
    if line[:4].lower() == "sep=" and line[4:5] not in {"", "\r", "\n"}:
        told, skip = line[4], 1
        line = line.partition("\n")[2]
    number = 1 + skip
    if "\r" in line and "\n" not in line and len(start) < MAX_HEADER_CHARACTERS:
        raise DataError(
            f"{file}: its lines end with a carriage return alone; save it with line feeds"
        )
    first = line.split("\n", 1)[0]
    if not first.strip():
        raise DataError(f"{file}, line {number} is empty; the first line must name the columns")
    delimiter = told or max(_DELIMITERS, key=first.count)
    try:
        names = next(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as e:
        raise DataError(f"{file}, line {number} is no list of column names: {e}") from None
    stripped = [name.strip() for name in names]
    nameless = 0
    while len(stripped) > 1 and not stripped[-1]:
        stripped.pop()
        nameless += 1
    _check_names(f"{file}, line {number}", stripped)
    return _Header(tuple(stripped), nameless, delimiter, skip)


def _open(file: Path) -> io.BufferedIOBase:
    if file.suffix.lower() == ".gz":
        return gzip.open(file)
    return file.open("rb")


def _no_gzip(file: Path, error: Exception) -> DataError:
    return DataError(f"{file} is no valid gzip file ({error}); write it again")


def _check_names(where: str, names: Sequence[str]) -> None:
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{where} names {len(names)} columns; {MAX_COLUMNS} are the most")
    folded = [n.lower() for n in names]
    seen: set[str] = set()
    for position, found in enumerate(folded, start=1):
        if not found or "\x00" in found or "\ufffd" in found:
            raise DataError(f"{where}: column {position} has no readable name; name it, in UTF-8")
        if found in seen:
            raise DataError(
                f"{where} names column {names[position - 1]!r} twice; rename one of them"
            )
        if found.startswith(RESERVED):
            raise DataError(
                f"{where}: names that begin with {RESERVED!r} are reserved; rename"
                f" column {names[position - 1]!r}"
            )
        seen.add(found)


def _ends(file: Path) -> list[str]:
    """Read a gzip file to its checksum, and look at how the last line ends.

    DuckDB checks no checksum and leaves out a last line that is too long to be one.
    """
    tail = 0
    try:
        if file.suffix.lower() == ".gz":
            with gzip.open(file) as stream:
                while chunk := stream.read(_CHUNK):
                    cut = chunk.rfind(b"\n")
                    tail = tail + len(chunk) if cut < 0 else len(chunk) - cut - 1
        else:
            with file.open("rb") as stream:
                size = stream.seek(0, io.SEEK_END)
                stream.seek(max(0, size - MAX_LINE_BYTES - 1))
                last = stream.read()
                tail = len(last) - last.rfind(b"\n") - 1
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise _no_gzip(file, e) from None
    except OSError as e:
        raise DataError(f"{file} cannot be read: {e.strerror}") from None
    if tail > MAX_LINE_BYTES:
        raise DataError(
            f"{file}: its last line has no end and more than {MAX_LINE_BYTES:,} bytes; the file is"
            " cut off, or a quote is not closed: write it again"
        )
    if tail:
        return [f"{file}: the last line does not end; if the file was cut off, write it again"]
    return []


def _reader(file: Path, header: _Header, more: str) -> str:
    nameless = [f"{RESERVED}{i}" for i in range(header.nameless)]
    columns = ", ".join(f"{sql.text(n)}: 'VARCHAR'" for n in (*header.names, *nameless))
    left_out = f"SELECT * EXCLUDE ({', '.join(nameless)}) " if nameless else ""
    return (
        f"{left_out}FROM read_csv({sql.text(str(file))}, auto_detect=false, header=true,"
        f" skip={header.skip}, strict_mode=true, delim={sql.text(header.delimiter)},"
        f" quote='\"', escape='\"', columns={{{columns}}}{more})"
    )


def hold_whole(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], query: str
) -> list[tuple[object, ...]]:
    """Rows of a query over `Text.tolerant`; DataError names the first few broken lines."""
    try:
        rows = connection.execute(query).fetchall()
        broken = connection.execute(
            "SELECT file_path, line, any_value(csv_line), any_value(error_message)"
            " FROM reject_errors JOIN reject_scans USING (scan_id, file_id)"
            " GROUP BY file_path, line ORDER BY file_path, line LIMIT 5"
        ).fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as e:
        raise DataError(f"{files[0]} cannot be read as CSV: {first_line(e)}") from None
    connection.execute("DROP TABLE reject_errors")
    connection.execute("DROP TABLE reject_scans")
    if broken:
        raise DataError("\n".join(_broken(*row) for row in broken))
    return rows


def _broken(file: str, line: int, content: str | None, message: str) -> str:
    remedy = "save the file as UTF-8" if "unicode" in message.lower() else "mend or delete the line"
    cut = (content or "").strip().replace("\n", "\\n")[:80]
    return f"{file}, line {line} is broken: {message.rstrip('.')}; it reads {cut!r}; {remedy}"


def first_line(error: duckdb.Error) -> str:
    """What DuckDB says, without its class and its hints."""
    line = str(error).split("\n", 1)[0].split("Error: ", 1)[-1]
    if "state machine" in line:
        line += " Do its lines end in different ways (\\r\\n and \\n)? Save the file anew."
    return line
