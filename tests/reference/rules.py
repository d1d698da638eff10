"""One version of the definitions, as the reference implementation reads it.

Nothing is worked out in advance here but what is looked up again and again.
Nothing may be imported but the standard library and this reference's own files.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from reference.exact import to_decimal
from reference.streaks import Conditions

# A metric and the event attributes it is narrowed to, if any, as a hashable thing.
Counted = tuple[str, frozenset]

LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def live(items: list[dict] | None) -> list[dict]:
    """Those that the file still has: what a newer version left out is archived."""
    return [item for item in items or [] if not item.get("archived")]


def active(items: list[dict] | None) -> list[dict]:
    """Those that are live and active; in a file, a status that is left out means active."""
    return [item for item in live(items) if item.get("status", "active") == "active"]


def find(items: list[dict] | None, key: str) -> dict | None:
    """The live one with this key."""
    return next((item for item in live(items) if item["key"] == key), None)


def counted(rule: dict) -> Counted:
    """What a metric achievement or metric trigger counts."""
    return rule["metric"], frozenset((rule.get("eventAttributes") or {}).items())


def is_for(rule: dict, attributes: dict[str, str]) -> bool:
    """Whether somebody with these attributes has every one that the rule asks for."""
    wanted = rule.get("userAttributes") or {}
    return all(attributes.get(key) == value for key, value in wanted.items())


class Rules:
    """The definitions in force, and what came of the versions before them."""

    def __init__(self, definitions: dict, at: datetime, before: Rules | None = None) -> None:
        """Read a version that was made at an instant; `before` is the one it follows."""
        self.definitions = definitions
        self.number: int = before.number + 1 if before else 1
        self.settings = definitions.get("settings") or {}
        self.streak = definitions.get("streak") or {}
        self.week_start = self.settings.get("weekStart", "monday")
        self.frequency = self.streak.get("frequency", "daily")
        self.achievements = live(definitions.get("achievements"))
        self.systems = live(definitions.get("points"))
        # Since which version something is counted; totals always are. What no rule asks for any
        # more is counted on.
        self.since = {it: self.number if it[1] else 0 for it in self._all_counted()}
        self.since |= before.since if before else {}
        # Since when a trigger is active, by system and key.
        self.activated: dict[tuple[str, str], datetime] = {
            it: before.activated.get(it, at) if before else at for it in self._all_active()
        }

    def _all_counted(self) -> set[Counted]:
        """All that has to be counted, filtered or not; what is not active may become so."""
        rules = [rule for rule in self.achievements if rule["trigger"] == "metric"]
        for system in self.systems:
            rules += [rule for rule in live(system.get("triggers")) if rule["type"] == "metric"]
        return {counted(rule) for rule in rules}

    def _all_active(self) -> set[tuple[str, str]]:
        return {
            (system["key"], trigger["key"])
            for system in self.systems
            for trigger in active(system.get("triggers"))
        }

    # The streak

    @property
    def max_freezes(self) -> int:
        """How many freezes a user may have; 0 if there are no freezes."""
        return self.streak.get("maxFreezes") or 0

    @property
    def earning(self) -> tuple[int, int]:
        """Every how many days freezes are earned, and how many at a time; 0 for never."""
        interval = self.streak.get("freezeAutoEarnInterval") or 0
        amount = self.streak.get("freezeAutoEarnAmount") or 0
        return (interval, amount) if interval and amount else (0, 0)

    @property
    def personal(self) -> bool:
        """Whether users may have conditions of their own."""
        return bool(self.streak.get("personalization"))

    def conditions_for(self, preferences: dict) -> Conditions:
        """The conditions of a user's streak; none if there can be no streak."""
        if not self.streak.get("enabled", True) or not preferences.get("enabled", True):
            return Conditions((), all_needed=False)
        metrics = self.streak.get("metrics") or []
        mode = self.streak.get("evaluationMode", "OR")
        if self.personal:
            metrics = preferences.get("metrics", metrics)
            mode = preferences.get("evaluationMode", mode)
        known = [line for line in metrics if find(self.definitions["metrics"], line["metric"])]
        return Conditions(
            tuple((line["metric"], to_decimal(line.get("threshold", 1))) for line in known),
            mode == "AND",
        )


def interval_of(trigger: dict) -> timedelta:
    """How often a time trigger falls due."""
    length = {"hours": timedelta(hours=1), "days": timedelta(hours=24)}[trigger["timeUnit"]]
    return trigger["timeInterval"] * length
