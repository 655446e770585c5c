"""campaign.toml read strictly: a frozen `Campaign`, or one error that lists every fault."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bandit.config.campaign import DEFAULT_FILE, Campaign
from bandit.core.errors import ConfigError
from bandit.core.problems import shown

MAX_CHARACTERS = 10_000_000
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP = re.compile(rf"(?<![\w-])(?:{_PART}[ \t]*+\.[ \t]*+){{32}}")
"""A key of so many parts; the parser takes the square of their number in time and memory."""
_OURS = {"folder", "file", "populations", "households"}
"""Fields that no file may set."""
_UNFIT = re.compile("[*?[\ud800-\udfff]")
_SHOULD = ": input should be "


def load(path: Path) -> Campaign:
    """Read a campaign.toml, given as the file or as its folder; ConfigError lists every fault."""
    file = path / DEFAULT_FILE if path.is_dir() else path
    try:
        raw = table(file)
    except FileNotFoundError:
        raise ConfigError(
            f"{file} does not exist; `bandit init {path}` writes one to start from"
        ) from None
    return parse(raw, file)


def table(file: Path) -> dict[str, Any]:
    """What stands in a TOML file; ConfigError for text that is none, or that is no one's work."""
    try:
        text = _text(file)
        deep = _DEEP.search(text)
        if deep is not None:
            line = text.count("\n", 0, deep.start()) + 1
            raise ConfigError(f"{file}: line {line} has a key of more parts than any of ours")
        return tomllib.loads(text)
    except UnicodeDecodeError as e:
        raise ConfigError(f"{file} is not UTF-8 text (byte {e.start}); save it as UTF-8") from None
    except FileNotFoundError:
        raise
    except OSError as e:
        raise ConfigError(f"{file} cannot be read: {e.strerror}") from None
    except (ValueError, RecursionError) as e:  # numbers of thousands of digits, brackets as deep
        raise ConfigError(
            f"{file} is no valid TOML: {str(e).split(';', 1)[0]}{_comma(file, str(e))}"
        ) from None


def _comma(file: Path, fault: str) -> str:
    """The remedy where the faulty line has a number with a decimal comma."""
    found = re.search(r"at line (\d+)", fault)
    lines = _text(file).splitlines()
    line = lines[int(found[1]) - 1] if found and int(found[1]) <= len(lines) else ""
    number = re.search(r"=\s*(-?\d+),(\d+)\s*(#|$)", line)
    return f"; write {number[1]}.{number[2]}, with a point" if number else ""


def _text(file: Path) -> str:
    if file.exists() and not file.is_file():
        raise ConfigError(f"{file} is no file; name a campaign.toml or the folder that it lies in")
    with file.open(encoding="utf-8") as stream:
        text = stream.read(MAX_CHARACTERS + 1)
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(
            f"{file} is longer than {MAX_CHARACTERS:,} characters; put offers and channels into"
            " tables"
        )
    return text


def parse(raw: dict[str, Any], file: Path) -> Campaign:
    """The same from a parsed table; `file` is where it stands."""
    for key in sorted(_OURS & set(raw)):
        raise ConfigError(f"{file}: unknown key {key!r}; it is not for the file to say")
    folder = _folder(file)
    content = {**tuples(raw), "folder": folder, "file": file.name}
    try:
        return Campaign.model_validate(content)
    except RecursionError:
        raise ConfigError(f"{file}: tables are nested too deeply; none of ours is") from None
    except ValidationError as e:
        raise ConfigError(faults(e, file, Campaign, content)) from None


def faults(error: ValidationError, file: Path, model: type[BaseModel], raw: Any) -> str:
    """What is wrong with a ``file`` that says ``raw`` and should be a ``model``, a line each.

    Of a value that may be of several types each type has a fault: they are told in one line.
    """
    lines: dict[str, list[str]] = {}
    for fault in error.errors(include_url=False):
        where, told = _line({**fault, "loc": _place(fault, raw)}, model)
        lines.setdefault(where, []).append(told)
    return "\n".join(f"{file}: {where}{_either(told)}" for where, told in lines.items())


def _place(fault: Any, raw: Any) -> tuple[int | str, ...]:
    """Where a fault is, without the types that were tried there, which are no keys."""
    path: list[int | str] = []
    for part in fault["loc"]:
        try:
            raw = raw[part]
        except (KeyError, IndexError, TypeError):
            if fault["type"] != "missing" or part != fault["loc"][-1]:
                continue
        path.append(part)
    return tuple(path)


def _either(told: Sequence[str]) -> str:
    """What would be right, by any of the types that a value may be of."""
    first, *others = dict.fromkeys(told)
    alike = first.startswith(_SHOULD)
    return first + "".join(
        f" or {other.removeprefix(_SHOULD)}"
        if alike and other.startswith(_SHOULD)
        else f"; or {other.removeprefix(': ')}"
        for other in others
    )


def _folder(file: Path) -> Path:
    """Where the record is kept: beside `file`, also where that is a link to a shared one."""
    folder = file.parent.resolve()
    if _UNFIT.search(str(folder)):
        raise ConfigError(
            f"{folder}: the name of a campaign's folder must be UTF-8 text without *, ? and [,"
            " which are patterns to DuckDB; rename it"
        )
    return folder


def tuples(value: Any) -> Any:
    """A parsed table with tuples for its lists, which frozen models hold."""
    if isinstance(value, dict):
        return {key: tuples(v) for key, v in value.items()}
    return tuple(tuples(v) for v in value) if isinstance(value, list) else value


def _line(error: Any, model: type[BaseModel]) -> tuple[str, str]:
    """One fault in the user's words: where and what stands there, and what would be right."""
    path = [p for p in error["loc"] if p not in _OURS]
    where = (
        ".".join(f"{p + 1}" if isinstance(p, int) else str(p) for p in path)
        or model.__name__.lower()
    )
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return f"unknown key {where!r}", _nearest(path, model)
    if kind == "missing":
        return f"{where} is missing", "; add it"
    if kind == "value_error":
        return where, f": {error['ctx']['error']}"
    if isinstance(given, tuple):
        given = list(given)
    message = error["msg"][0].lower() + error["msg"][1:]
    if kind == "tuple_type":
        message = f"input should be a list, [{given!r}]" if isinstance(given, str) else message
    if kind in {"date_from_datetime_parsing", "date_parsing", "date_type"}:
        message = "input should be a date, 2026-09-01"
    return f"{where} = {shown(given)}", f": {message}"


def _nearest(path: list[Any], model: Any) -> str:
    """The known key most like the last one of `path`, or the table where it would be right."""
    if len(path) > 1 and str(path[-1]) in _keys(model):
        return (
            f"; {path[-1]!r} stands in no table: write it above the first line in brackets, for"
            f" what stands below [{_table(path)}] is of that"
        )
    root = model
    for part in path[:-1]:
        if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        fields = {f.alias or name: f for name, f in model.model_fields.items()}
        if part not in fields:
            return ""
        model = _model_of(fields[part].annotation)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    known = _keys(model)
    close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    elsewhere = [
        table
        for table, field in root.model_fields.items()
        if str(path[-1]) in _keys(_model_of(field.annotation))
    ]
    told = f"; it is a key of [{elsewhere[0]}]" if len(elsewhere) == 1 else ""
    return f"{told}; known here: {', '.join(known)}"


def _table(path: list[Any]) -> str:
    """The table that a key stands in, as it is written in brackets."""
    return ".".join(str(part) for part in path[:-1] if not isinstance(part, int))


def _keys(model: Any) -> list[str]:
    """The keys of a table; none of what is no table."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [f.alias or name for name, f in model.model_fields.items() if name not in _OURS]


def _model_of(annotation: Any) -> Any:
    """The model inside `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := _model_of(inner)) is not None:
            return found
    return None
