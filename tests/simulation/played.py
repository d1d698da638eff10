"""One partition played again: by the reference, and by the engine from the ledger alone.

Routing and the dedupe of forwarded events are said here once more, on purpose.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from reference.checking import RefusedError, check
from reference.game import Game
from reference.rules import LONG_AGO
from simulation.folds import Fold, scope_of
from simulation.log import Stored
from simulation.story import DEFAULT, Story, compiled, definitions, right_partition, user_of

from processor.rules.decide import decide
from schemas.events import Adjustment, Correction, Due, MetricEvent

FREQUENCIES = ("daily", "weekly", "monthly")
EMPTY: dict[str, Any] = {"metrics": []}
KINDS: dict[str, Any] = {"due": Due, "adjustment": Adjustment, "correction": Correction}


class PlayedPartition:
    """One partition played again: by the reference, and by the engine from the ledger alone."""

    def __init__(self, story: Story, partition: int, violated: Callable[[str], None]) -> None:
        self._story = story
        self._partition = partition
        self._violated = violated
        self._version = 0
        self._games: dict[tuple[int, int], Game] = {}
        self._users: dict[Any, Any] = {}
        self._first: dict[tuple[str, ...], str] = {}
        self._standings: dict[str, Any] = {}
        self._corrected: dict[tuple[str, str], Decimal] = {}
        self._balances: dict[tuple[str, str], int] = defaultdict(int)
        self.letters: set[str] = set()
        self.profiles: set[str] = set()

    def check(self, record: Any, event: Stored) -> None:
        """Check the record of one event."""
        headers = dict(event.headers)
        here = f"0-{self._partition}-{event.offset}"
        expected = headers.get("xp-forwarded", here.encode()).decode()
        appended = datetime.fromtimestamp(int(headers.get("xp-time", event.timestamp)) / 1000, UTC)
        self._same(record, "id", record["id"], expected)
        outcome, told = self._outcome(record, event, appended)
        self._same(record, "outcome", record["outcome"], outcome)
        by_clock = told is not None and told.get("type") == "due"
        is_asked = by_clock or headers.get("xp-origin") == b"http"
        if outcome == "dead" or (outcome == "refused" and not is_asked):
            self.letters.add(record["id"])
        if outcome == "applied" and told is not None:
            if "name" in told["user"] and not isinstance(told["user"], str):
                self.profiles.add(f"{DEFAULT}/{user_of(told)}")
            self._conserved(record)
        if record["outcome"] == outcome != "applied" and record["entries"]:
            self._violated(f"I2: {record['id']} is {outcome} and has effects")
        if record["outcome"] == "applied" and record["user"] is not None:
            self._again(record, appended)

    def _same(self, record: Any, what: str, found: object, expected: object) -> None:
        if found != expected:
            self._violated(f"I3: {what} of {record['id']} is {found}, not {expected}")

    def _outcome(self, record: Any, event: Stored, appended: datetime) -> tuple[str, Any]:
        if event.value in self._story.poison:
            return "dead", None
        told = json.loads(event.value or b"")
        if "user" not in told:
            return self._of_partition(told), None
        return self._of_user(record, event, told, appended), told

    def _of_partition(self, told: Any) -> str:
        if told["type"] == "hold":
            return "applied"
        known, self._version = self._version, max(self._version, told["version"])
        return "replayed" if known == self._version else "applied"

    def _of_user(self, record: Any, event: Stored, told: Any, appended: datetime) -> str:
        tenant, user = told.get("tenant", DEFAULT), user_of(told)
        if right_partition(tenant, user, self._story.partitions) != self._partition:
            return "forwarded"
        game = self._game(self._version if tenant == DEFAULT else 0, record["rules"])
        origin = (record["id"],)
        forwarded = "xp-forwarded" in dict(event.headers)
        if forwarded and origin in self._first:
            try:
                if "type" not in told:
                    check(told, appended, game.rules.definitions)
            except RefusedError:
                return "refused"
            return "replayed"
        if forwarded:
            self._first[origin] = record["id"]
        if told.get("type") == "due" and self._is_past(game, told):
            return "replayed"
        return self._played(game, record, told, appended)

    def _is_past(self, game: Game, told: Any) -> bool:
        """Tell whether an instant that fell due has been passed, so that the clock was late.

        The engine says so, from the ledger alone; by the reference nothing happens up to it then.
        """
        due = self._standings[told["user"]].get("due")
        at = datetime.fromisoformat(told["at"])
        if due is not None and datetime.fromisoformat(due) <= at:
            return False
        waited = game.wait(DEFAULT, told["user"], at)
        if waited.streaks or waited.awards:
            self._violated(f"I3: {told} was passed over, and leads to {waited}")
        return True

    def _decided(self, record: Any, user: str, given: Any, appended: datetime) -> Any:
        """Return the engine's verdict from what the ledger has said up to here."""
        event = given.event if isinstance(given, Correction) else ""
        corrected = self._corrected.get((user, event))
        game = compiled(record["definitions"], record["rules"])
        return decide(self._standings.get(user), given, appended, game, corrected)

    def _played(self, game: Game, record: Any, told: Any, appended: datetime) -> str:
        expected = game.play(told, appended)
        if expected.status == "applied":
            entries = record["entries"]
            found = [it["achievement"] for it in entries if it["kind"] == "achievement"]
            self._same(record, "achievements", found, expected.achievements)
            names = ("system", "trigger", "awarded", "total")
            awards = [tuple(it[n] for n in names) for it in entries if it["kind"] == "points"]
            self._same(record, "awards", awards, [tuple(it[:4]) for it in expected.awards])
            changed = ("system", "before", "after")
            levels = [tuple(it[n] for n in changed) for it in entries if it["kind"] == "level"]
            self._same(record, "levels", levels, [tuple(it) for it in expected.levels])
        if expected.status != "refused" and "state" in record:
            if "total" in record["state"] and expected.total is not None:
                self._same(record, "total", Decimal(record["state"]["total"]), expected.total)
            length = record["state"]["streak"]["length"]
            self._same(record, "streak", length, expected.streak.length)
        key = told.get("idempotencyKey")
        if key is not None:
            use = (told.get("tenant", DEFAULT), user_of(told), scope_of(told), key)
            if expected.status == "replayed":
                self._same(record, "first", record.get("first"), self._first.get(use))
            if expected.status == "applied":
                self._first[use] = record["id"]
        return expected.status

    def _game(self, version: int, build: int) -> Game:
        game = self._games.get((version, build))
        if game is None:
            told = [
                definitions(it, build).model_dump(exclude_none=True, mode="json")
                for it in range(1, version + 1)
            ]
            game = self._games[version, build] = Game(told[0] if told else EMPTY, LONG_AGO)
            for newer in told[1:]:
                game.define(newer, LONG_AGO)
            # One set of users under all versions.
            game.users = self._users
        return game

    def _conserved(self, record: Any) -> None:
        """Check that balances are the sum of awards, within their bounds, after every record."""
        caps = {it.key: it.maxPoints for it in definitions(self._version, 1).points}
        for entry in record["entries"]:
            if entry["kind"] == "points":
                place = record["user"], entry["system"]
                self._balances[place] += entry["awarded"]
                cap = caps[entry["system"]]
                if entry["total"] != self._balances[place] or not 0 <= entry["total"] <= (cap or 0):
                    self._violated(f"I6: {record['id']}: {entry}, sum {self._balances[place]}")

    def _again(self, record: Any, appended: datetime) -> None:
        """Judge from the ledger alone: the same bytes must come of it."""
        told, user = record["input"], record["user"]
        verdict = self._decided(record, user, self._given(told, user), appended)
        self._standings[user] = verdict.standing
        for entry in record["entries"]:
            if entry["kind"] == "correction":
                self._corrected[user, entry["event"]] = Decimal(entry["after"])
        if orjson.dumps(verdict.entries) != orjson.dumps(record["entries"]):
            self._violated(f"I7: {record['id']} judged again: {verdict.entries}")
        if orjson.dumps(verdict.state) != orjson.dumps(record["state"]):
            self._violated(f"I7: {record['id']} judged again: {verdict.state}")

    @staticmethod
    def _given(told: Any, user: str) -> Any:
        """Return the input that a record tells of."""
        if "type" in told:
            value = {"value": told["value"] and Decimal(told["value"])} if "value" in told else {}
            return KINDS[told["type"]].model_validate({"user": user, **told, **value})
        about = {"id": user}
        if "tz" in told:
            about["tz"] = told["tz"]
        names = ("metric", "value", "attributes", "occurredAt")
        fields = {name: told[name] for name in names if name in told}
        if "value" in fields:
            fields["value"] = Decimal(fields["value"])
        return MetricEvent.model_validate({"user": about, **fields})

    def check_end(self, fold: Fold) -> None:
        """Check that what the ledger comes to is what the reference has in the end."""
        users = {user for _, user in self._users}
        if set(fold.standings) != users:
            self._violated(f"I3: users {sorted(fold.standings)}, not {sorted(users)}")
            return
        for (_, name), user in self._users.items():
            found, expected = _of_engine(fold.standings[name]), _of_reference(user)
            if found != expected:
                self._violated(f"I3: {name} is {found}, by the reference {expected}")


def _of_engine(standing: Any) -> dict[str, Any]:
    tracks = [standing["streaks"].get(it, {"length": 0, "started": None}) for it in FREQUENCIES]
    series = standing["series"]
    return {
        "totals": {it: Decimal(series[it][0]) for it in series if "?" not in it},
        "streaks": [(track["length"], track["started"]) for track in tracks],
        "achievements": list(standing["achievements"]),
        "points": standing["points"],
        "tz": standing["tz"],
    }


def _of_reference(user: Any) -> dict[str, Any]:
    tracks = [user.streaks[it] for it in FREQUENCIES]
    return {
        "totals": user.totals,
        "streaks": [(it.length, it.started and it.started.isoformat()) for it in tracks],
        "achievements": list(user.achievements),
        "points": user.points,
        "tz": user.tz,
    }
