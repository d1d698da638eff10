"""Single changes of definitions that a request or a command asks for. Pure."""

from typing import Final, Literal

from schemas.definitions import Definitions

Status = Literal["inactive", "active", "locked"]

# What an achievement may become (docs/reference/rules.md#achievements): it is never inactive again.
NEXT: Final[dict[Status, frozenset[Status]]] = {
    "inactive": frozenset({"active"}),
    "active": frozenset({"locked"}),
    "locked": frozenset({"active"}),
}


class UnknownAchievementError(LookupError):
    """No achievement in use has this key."""


class StatusError(ValueError):
    """An achievement cannot go from its status to this one."""


def with_status(game: Definitions, key: str, status: Status) -> Definitions:
    """Return definitions in which an achievement has a status; the one it has changes nothing.

    Raises UnknownAchievementError, or StatusError for a way that there is not.
    """
    for index, item in enumerate(game.achievements):
        if item.key != key or item.archived:
            continue
        if item.status == status:
            return game
        if status not in NEXT[item.status]:
            raise StatusError(f"an achievement that is {item.status} cannot become {status}")
        changed = list(game.achievements)
        changed[index] = item.model_copy(update={"status": status})
        return game.model_copy(update={"achievements": changed})
    known = ", ".join(sorted(it.key for it in game.achievements if not it.archived)) or "none"
    raise UnknownAchievementError(f"There is no achievement {key!r} (known: {known}).")
