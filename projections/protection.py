"""Read model: what keeps a user's streak besides activity, and what the user set of it.

Freezes at hand, pauses, and the user's own streak settings. They change rarely and are read with
the streaks: the questions are in `projections.streaks`.
"""

from collections.abc import Iterator, Sequence

from projections.database import Statement, load_queries
from projections.effects import Applied
from schemas.entries import Pause, PausesEntry, PreferencesEntry, StreakPreferences

_QUERIES = load_queries("protection")


class ProtectionChanges:
    """What a batch changes: freezes, pauses and settings of each user as it ends with them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._freezes: dict[tuple[str, str], int] = {}
        self._pauses: dict[tuple[str, str], Sequence[Pause]] = {}
        self._preferences: dict[tuple[str, str], StreakPreferences] = {}

    def add_freezes(self, of: Applied, freezes: int) -> None:
        """Take how many freezes there are after an entry; later ones come later."""
        self._freezes[of.tenant, of.user] = freezes

    def add_pauses(self, of: Applied, entry: PausesEntry) -> None:
        """Take an entry; it names all pauses that there are after it."""
        self._pauses[of.tenant, of.user] = entry.pauses

    def add_preferences(self, of: Applied, entry: PreferencesEntry) -> None:
        """Take an entry; it has all settings that there are after it."""
        self._preferences[of.tenant, of.user] = entry.streak

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        freezes = [
            {"tenant": tenant, "user_id": user, "freezes": left}
            for (tenant, user), left in self._freezes.items()
        ]
        yield Statement(_QUERIES["apply_freezes"], freezes)
        pauses = [
            {"tenant": tenant, "user_id": user, "pauses": known}
            for (tenant, user), known in self._pauses.items()
        ]
        yield Statement(_QUERIES["apply_pauses"], pauses)
        preferences = [
            {"tenant": tenant, "user_id": user, "streak": streak}
            for (tenant, user), streak in self._preferences.items()
        ]
        yield Statement(_QUERIES["apply_preferences"], preferences)
