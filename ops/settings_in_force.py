"""Which settings are in force: flags, XP_… variables and a file, in this order of precedence."""

import json
import os
import re
from pathlib import Path
from typing import Any, ClassVar, Final

import pydantic_settings
from pydantic import SecretStr, ValidationError

from ops.settings import Settings
from ops.settings_file import SettingsError, SettingsFile
from schemas.strict import explain

CONFIG_VARIABLE: Final = "XP_CONFIG"


def read_settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    """Read the settings in force; flags that are None were not given.

    Raises SettingsError naming the setting.
    """
    named = config or (
        Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None
    )
    given = {name: value for name, value in flags.items() if value is not None}
    chosen = SettingsFile(named, frozenset(Settings.model_fields)) if named else None

    class Chosen(Settings):
        file: ClassVar[SettingsFile | None] = chosen

    try:
        return Chosen(**given)
    except ValidationError as error:
        wrong = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else ""
        from_file = (
            chosen is not None
            and wrong in chosen.values
            and wrong not in given
            and f"XP_{wrong.upper()}" not in os.environ
        )
        where = f"{chosen.place_of(wrong)}: " if chosen is not None and from_file else ""
        raise SettingsError(f"{where}{explain(error)}") from error
    except pydantic_settings.SettingsError as error:
        found = re.search(r'field "(\w+)"', str(error))
        name = found[1] if found else "a setting"
        raise SettingsError(f"{name}: XP_{name.upper()} must be JSON, such as [60, 120]") from error


def changed(settings: Settings, given: dict[str, Any]) -> Settings:
    """Return settings with some of them changed. Raises SettingsError naming the setting."""
    try:
        return type(settings)(**{**dict(settings), **given})
    except ValidationError as error:
        raise SettingsError(explain(error)) from error


def environment(settings: Settings) -> dict[str, str]:
    """Return settings as XP_… variables, for a part in a process of its own."""
    variables = {}
    for name, value in settings:
        if value is None:
            continue
        if isinstance(value, SecretStr):
            text = value.get_secret_value()
        elif isinstance(value, tuple | bool):
            text = json.dumps(value)
        else:
            text = str(value)
        variables[f"XP_{name.upper()}"] = text
    return variables
