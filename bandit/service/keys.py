"""API keys: SHA-256 digests with scopes in a file; the keys themselves are nowhere."""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, cast

from bandit.core.errors import ConfigError

Scope = Literal["decide", "outcomes", "read"]
SCOPES = ("decide", "outcomes", "read")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Key(NamedTuple):
    """``digest``: the SHA-256 of a key, in hexadecimal."""

    name: str
    digest: str
    scopes: tuple[Scope, ...]


def load(path: Path) -> list[Key]:
    """The [[key]] tables of a TOML file; ConfigError names what is wrong."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(
            f"{path} cannot be read ({e.strerror}); --keys names a file of [[key]] tables"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise ConfigError(f"{path} cannot be read as a file of keys: {e}") from None
    tables = content.get("key")
    if not isinstance(tables, list) or not tables or set(content) != {"key"}:
        raise ConfigError(f"{path}: write one [[key]] with name, sha256 and scopes for each key")
    return [_key(path, number, table) for number, table in enumerate(tables, 1)]


def _key(path: Path, number: int, table: object) -> Key:
    where = f"{path}: key {number}"
    if not isinstance(table, dict) or set(table) != {"name", "sha256", "scopes"}:
        raise ConfigError(f"{where} needs name, sha256 and scopes, and nothing else")
    digest, scopes = str(table["sha256"]).lower(), table["scopes"]
    if not _DIGEST.fullmatch(digest):
        raise ConfigError(f"{where}: sha256 is no digest; make it with `sha256sum`")
    if not isinstance(scopes, list) or not scopes or not set(scopes) <= set(SCOPES):
        raise ConfigError(f"{where}: scopes are some of {', '.join(SCOPES)}")
    return Key(str(table["name"]), digest, tuple(cast(list[Scope], scopes)))


def allowed(keys: Sequence[Key], header: str | None, scope: Scope) -> int | None:
    """None if ``Authorization: Bearer …`` opens a scope; else 401 or 403. No keys: all is open.

    Every key is compared, in constant time.
    """
    if not keys:
        return None
    kind, _, secret = (header or "").partition(" ")
    given = hashlib.sha256(secret.strip().encode("utf-8", "surrogateescape")).hexdigest()
    matching = [key for key in keys if hmac.compare_digest(key.digest, given)]
    if kind.lower() != "bearer" or not matching:
        return 401
    return None if any(scope in key.scopes for key in matching) else 403
