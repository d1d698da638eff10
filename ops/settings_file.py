"""The settings file: TOML in, values out, or what is wrong with it and in which line."""

import re
import tomllib
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """A setting is wrong; the message names it and says what it may be."""


class SettingsFile:
    """A settings file that was read; what its values may be is not known here."""

    def __init__(self, path: Path, known: AbstractSet[str]) -> None:
        """Read the file; `known` are the names that it may have.

        Raises SettingsError naming file and line.
        """
        self.path = path
        self._text = _read(path)
        self.values: dict[str, Any] = _parse(path, self._text)
        for name in self.values:
            if name not in known:
                alike = get_close_matches(name, known, n=1)
                hint = f": do you mean {alike[0]!r}?" if alike else ""
                raise SettingsError(f"{self.place_of(name)}: there is no setting {name!r}{hint}")

    def place_of(self, name: str) -> str:
        """Return file and line of a setting."""
        begins = re.compile(rf"""\s*\[*["']?{re.escape(name)}\b""")
        lines = enumerate(self._text.splitlines(), start=1)
        return f"{self.path}:{next((at for at, line in lines if begins.match(line)), 1)}"


def _read(path: Path) -> str:
    if not path.is_file():
        raise SettingsError(f"there is no settings file {path}")
    raw = path.read_bytes()
    try:
        # Some editors begin a file with a byte order mark.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}:{line}: not UTF-8 text, as TOML has to be") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        line = int(found[1]) if found else len(text.splitlines())
        raise SettingsError(f"{path}:{line}: not TOML: {message}") from error
