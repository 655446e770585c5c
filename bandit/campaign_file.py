"""campaign.toml read strictly: a frozen `Campaign`, or one error that lists every fault."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bandit.campaign import Campaign
from bandit.errors import ConfigError


def load(path: Path) -> Campaign:
    """Read a campaign.toml, given as the file or as its folder; ConfigError lists every fault."""
    file = path / "campaign.toml" if path.is_dir() else path
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{file} does not exist; `bandit init {path}` writes one to start from"
        ) from None
    except UnicodeDecodeError as e:
        raise ConfigError(f"{file} is not UTF-8 text (byte {e.start}); save it as UTF-8") from None
    except OSError as e:
        raise ConfigError(f"{file} cannot be read: {e.strerror}") from None
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{file} is no valid TOML: {e}") from None
    return parse(raw, file)


def parse(raw: dict[str, Any], file: Path) -> Campaign:
    """The same from a parsed table; `file` is where it stands."""
    if "folder" in raw:
        raise ConfigError(f"{file}: unknown key 'folder'; the folder is the one the file lies in")
    folder = file.resolve().parent
    try:
        return Campaign.model_validate({**_tuples(raw), "folder": folder})
    except ValidationError as e:
        lines = [_line(error) for error in e.errors(include_url=False)]
        raise ConfigError("\n".join(f"{file}: {line}" for line in lines)) from None


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(v) for key, v in value.items()}
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _line(error: Any) -> str:
    """One fault in the user's words: where, what stands there, what would be right."""
    path = [p for p in error["loc"] if p != "folder"]
    where = ".".join(f"{p + 1}" if isinstance(p, int) else str(p) for p in path) or "campaign"
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return f"unknown key {where!r}{_nearest(path)}"
    if kind == "missing":
        return f"{where} is missing; add it"
    if kind == "value_error":
        return f"{where}: {error['ctx']['error']}"
    if kind == "string_pattern_mismatch":
        return (
            f"{where} = {given!r}: a name is up to 100 letters, digits, dots, dashes and"
            " underscores and begins with a letter, digit or underscore"
        )
    shown = given if isinstance(given, str | int | float | bool) else type(given).__name__
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{where} = {shown!r}: {message}"


def _nearest(path: list[Any]) -> str:
    """The known key most like the last one of `path`."""
    model: Any = Campaign
    for part in path[:-1]:
        if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        fields = {f.alias or name: f for name, f in model.model_fields.items()}
        if part not in fields:
            return ""
        model = _model_of(fields[part].annotation)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    known = [f.alias or name for name, f in model.model_fields.items() if name != "folder"]
    close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(known)}"


def _model_of(annotation: Any) -> Any:
    """The model inside `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := _model_of(inner)) is not None:
            return found
    return None
