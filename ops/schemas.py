"""Write the JSON Schemas of what crosses a wire, from the models: `python -m ops.schemas`.

The files are for producers and downstream services in other languages; a test fails when they are
stale.
"""

import json
from pathlib import Path
from typing import Any

from msgspec.json import schema_components
from pydantic import BaseModel, TypeAdapter

from schemas.definitions import Definitions
from schemas.inputs import (
    AchievementCompletion,
    Adjustment,
    Backfill,
    Backfilled,
    BoostDue,
    Correction,
    DefinitionsMarker,
    Due,
    FreezeGrant,
    Hold,
    Identification,
    MetricEvent,
    PauseAddition,
    PauseRemoval,
    Preferences,
    StreakRestoration,
)
from schemas.notices import (
    AchievementCompleted,
    FreezesChanged,
    LevelChanged,
    PointsAwarded,
    StreakChanged,
)
from schemas.records import Record
from schemas.text import KEY_PATTERN
from schemas.versions import Version

FOLDER = Path(__file__).resolve().parent.parent / "schemas" / "json"

WORDS: dict[str, Any] = {
    "metric-event": MetricEvent,
    "achievement-completion": AchievementCompletion,
    "user-identification": Identification,
    "streak-preferences": Preferences,
    "adjustment": Adjustment,
    "correction": Correction,
    "freeze-grant": FreezeGrant,
    "pause-addition": PauseAddition,
    "pause-removal": PauseRemoval,
    "streak-restoration": StreakRestoration,
    "due": Due,
    "boost-due": BoostDue,
    "backfill": Backfill,
    "backfilled": Backfilled,
    "hold": Hold,
    "definitions-marker": DefinitionsMarker,
    "definitions": Definitions,
    "version": Version,
    "ledger-record": Record,
    "points-awarded": PointsAwarded,
    "level-changed": LevelChanged,
    "achievement-completed": AchievementCompleted,
    # Both are on the topic of changes of streaks.
    "streak-changed": StreakChanged,
    "freezes-changed": FreezesChanged,
}


def generate() -> dict[str, str]:
    """Return file name -> text."""
    return {f"{name}.json": _text(name, model) for name, model in WORDS.items()}


def _text(name: str, model: type[Any]) -> str:
    if issubclass(model, BaseModel):
        # What is written is described as it is written; what is read, as it may be read.
        is_read = name == "definitions"
        schema = TypeAdapter(model).json_schema(mode="validation" if is_read else "serialization")
    else:
        (root,), components = schema_components([model], ref_template="#/$defs/{name}")
        named = root["$ref"].removeprefix("#/$defs/")
        schema = _plain({**components.pop(named), "$defs": components})
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"xpledger:{name}:2"}
    return json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n"


def _plain(schema: Any) -> Any:  # noqa: ANN401  any part of a schema
    """Return a schema without what only our own reader minds."""
    if isinstance(schema, list):
        return [_plain(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        return {"type": "number"}
    plain = {name: _plain(it) for name, it in schema.items()}
    if plain.get("pattern") == KEY_PATTERN:
        plain["pattern"] = "^[a-zA-Z0-9_-]+$"
    return plain


def main() -> None:
    """Write the files, and remove those of words that are gone."""
    FOLDER.mkdir(exist_ok=True)
    texts = generate()
    for path in FOLDER.glob("*.json"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
