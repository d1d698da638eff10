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
from simulation.folds import Fold
from simulation.log import Stored
from simulation.story import DEFAULT, Story, compiled, definitions, right_partition

from processor.rules.decide import decide
from schemas.events import MetricEvent

FREQUENCIES = ("daily", "weekly", "monthly")
EMPTY: dict[str, Any] = {"metrics": []}


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
        if outcome == "dead" or (outcome == "refused" and headers.get("xp-origin") != b"http"):
            self.letters.add(record["id"])
        if outcome == "applied" and told is not None:
            if set(told["user"]) & {"name"}:
                self.profiles.add(f"{DEFAULT}/{told['user']['id']}")
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
        if "type" in told:
            known, self._version = self._version, max(self._version, told["version"])
            if known != self._version:
                self._change_levels()
            return ("replayed" if known == self._version else "applied"), None
        tenant, user = told.get("tenant", DEFAULT), told["user"]["id"]
        if right_partition(tenant, user, self._story.partitions) != self._partition:
            return "forwarded", told
        game = self._game(self._version if tenant == DEFAULT else 0, record["rules"])
        origin = (record["id"],)
        forwarded = "xp-forwarded" in dict(event.headers)
        if forwarded and origin in self._first:
            try:
                check(told, appended, game.definitions)
            except RefusedError:
                return "refused", told
            return "replayed", told
        if forwarded:
            self._first[origin] = record["id"]
        return self._played(game, record, told, appended), told

    def _played(self, game: Game, record: Any, told: Any, appended: datetime) -> str:
        expected = game.play(told, appended)
        if expected.status == "applied":
            entries = record["entries"]
            found = [it["achievement"] for it in entries if it["kind"] == "achievement"]
            self._same(record, "achievements", found, expected.achievements)
            names = ("system", "trigger", "awarded", "total")
            awards = [tuple(it[n] for n in names) for it in entries if it["kind"] == "points"]
            self._same(record, "awards", awards, [tuple(it) for it in expected.awards])
            changed = ("system", "before", "after")
            levels = [tuple(it[n] for n in changed) for it in entries if it["kind"] == "level"]
            self._same(record, "levels", levels, [tuple(it) for it in expected.levels])
        if expected.status != "refused" and "state" in record:
            self._same(record, "total", Decimal(record["state"]["total"]), expected.total)
            length = record["state"]["streak"]["length"]
            self._same(record, "streak", length, expected.streak.length)
        key = told.get("idempotencyKey")
        if key is not None:
            use = (told.get("tenant", DEFAULT), told["user"]["id"], told["metric"], key)
            if expected.status == "applied":
                self._first[use] = record["id"]
            if expected.status == "replayed":
                self._same(record, "first", record.get("first"), self._first[use])
        return expected.status

    def _game(self, version: int, build: int) -> Game:
        game = self._games.get((version, build))
        if game is None:
            told = definitions(version, build).model_dump(exclude_none=True) if version else EMPTY
            game = self._games[version, build] = Game(told)
            # One set of users under all versions.
            game.users = self._users
        return game

    def _change_levels(self) -> None:
        """Let levels hold as the new version has them: nobody is told, but so it is from now on."""
        for user in self._users.values():
            for system in definitions(self._version, 1).points:
                balance = user.points.get(system.key)
                reached = [
                    it for it in system.levels if balance is not None and it.points <= balance
                ]
                best = max(reached, key=lambda it: it.points, default=None)
                user.levels[system.key] = best.key if best else None

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
        about = {"id": user}
        if "tz" in told:
            about["tz"] = told["tz"]
        names = ("metric", "value", "attributes", "occurredAt")
        fields = {name: told[name] for name in names if name in told}
        if "value" in fields:
            fields["value"] = Decimal(fields["value"])
        event = MetricEvent.model_validate({"user": about, **fields})
        game = compiled(record["definitions"], record["rules"])
        verdict = decide(self._standings.get(user), event, appended, game)
        self._standings[user] = verdict.standing
        if orjson.dumps(verdict.entries) != orjson.dumps(record["entries"]):
            self._violated(f"I7: {record['id']} judged again: {verdict.entries}")
        if orjson.dumps(verdict.state) != orjson.dumps(record["state"]):
            self._violated(f"I7: {record['id']} judged again: {verdict.state}")

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
