"""The secret of the parts where nobody sets one: made at the first start, kept with the data.

Commands beside `xp up` find it there, as they find its addresses.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Final, NamedTuple

from ops.embedded.ports import replace_text
from ops.settings_file import SettingsError
from schemas.instants import MILLISECOND, micros
from schemas.signing import Secrets

FILE: Final = "parts-secret.json"
SECRET_BYTES: Final = 32


class PartsSecret(NamedTuple):
    """A secret, and when it was made: nothing was signed with it before."""

    text: str
    made: datetime


def kept(data_dir: Path) -> PartsSecret | None:
    """Return the secret of a data directory, None if it has none. Raises SettingsError."""
    path = data_dir / FILE
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        return PartsSecret(str(words["secret"]), datetime.fromisoformat(words["made"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} cannot be read ({type(error).__name__}): bring it back from your backup, or "
            "remove it to have a new secret made"
        ) from error


def make(data_dir: Path) -> PartsSecret:
    """Return the secret of a data directory, made now if it has none. Raises SettingsError."""
    found = kept(data_dir)
    if found is None:
        found = PartsSecret(token_hex(SECRET_BYTES), datetime.now(UTC))
        words = {"secret": found.text, "made": found.made.isoformat()}
        replace_text(data_dir / FILE, json.dumps(words), mode=0o600)
    return found


def secrets_of(
    data_dir: Path, secret: str | None, other: str | None, until: datetime | None
) -> Secrets | None:
    """Return what is signed and checked with, by what is set, else by the data directory.

    None where no secret is known. Raises SettingsError where the kept one cannot be read.
    """
    if secret is None:
        found = kept(data_dir)
        if found is None:
            return None
        secret, until = found.text, until or found.made
    return Secrets(secret, other, 0 if until is None else micros(until) // MILLISECOND)


def unknown(data_dir: Path) -> SettingsError:
    """Return what is said to who needs a secret where none is known."""
    return SettingsError(
        "no secret of the parts is known: set XP_PARTS_SECRET to that of the workers, or to a new "
        "one of 32 characters and more for all parts and commands "
        f"(looked into {data_dir}, where `xp up` leaves its own)"
    )
