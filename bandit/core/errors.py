"""The errors that a user can cause, each with the exit code that names it.

Everything else that escapes is a defect of ours (exit code 1). Imports nothing of the package.
"""

from __future__ import annotations


class BanditError(Exception):
    """A fault that the user can mend; its text names the thing, the value and the remedy."""

    exit_code = 1


class UsageError(BanditError):
    """The command or the call was wrong."""

    exit_code = 2


class ConfigError(BanditError):
    """campaign.toml, or what it names, is wrong."""

    exit_code = 3


class DataError(BanditError, ValueError):
    """A table, file or array is wrong; also a ValueError, for those who use the library."""

    exit_code = 4


class LockedError(BanditError):
    """Another run holds the campaign."""

    exit_code = 5


class GateError(BanditError):
    """The gate says no."""

    exit_code = 6
