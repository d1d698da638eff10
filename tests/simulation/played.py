"""One partition played again: by the reference, and by the engine from the ledger alone.

Routing and the dedupe of forwarded events are said here once more, on purpose.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.json import encode
from reference.checking import RefusedError, check
from reference.game import Game
from reference.people import Outcome
from reference.rules import LONG_AGO
from reference.translation import (
    answer_of_outcome,
    answer_of_state,
    differences,
    effects_of_outcome,
    effects_of_record,
    input_of,
    known_of_state,
    known_of_user,
    plain,
)
from simulation.folds import Fold, id_of, scope_of
from simulation.log import Stored
from simulation.story import BUILDS, Story, compiled, definitions, right_partition, user_of

from processor.rules.decide import answer_state, decide
from processor.rules.decision import Decision
from processor.rules.user_state import UserState, read_user_state, write_user_state
from schemas.codec import write_input
from schemas.entries import CorrectionEntry, PointsEntry
from schemas.inputs import Correction, MetricEvent, PartitionInput
from schemas.inputs.base import DEFAULT_TENANT
from schemas.inputs.reading import read_input
from schemas.instants import MILLISECOND, Millis, from_millis, instant
from schemas.numbers import Number
from schemas.records import Record

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
        self._states: dict[str, UserState] = {}
        self._corrected: dict[tuple[str, str], Number] = {}
        self._balances: dict[tuple[str, str], int] = defaultdict(int)
        self.letters: set[str] = set()
        self.profiles: set[str] = set()

    def check(self, record: Record, event: Stored) -> None:
        """Check the record of one event."""
        headers = dict(event.headers)
        here = f"0-{self._partition}-{event.offset}"
        expected = headers.get("xp-forwarded", here.encode()).decode()
        appended = int(headers.get("xp-time", event.timestamp))
        self._same(record, "id", id_of(record), expected)
        self._same(record, "append time", record.appended, appended)
        outcome, given = self._outcome(record, event, appended)
        self._same(record, "outcome", record.outcome, outcome)
        by_clock = given is not None and given.get("type") == "due"
        is_asked = by_clock or headers.get("xp-origin") == b"http"
        if outcome == "dead" or (outcome == "refused" and not is_asked):
            self.letters.add(id_of(record))
        if outcome == "applied" and given is not None:
            if "name" in given["user"] and not isinstance(given["user"], str):
                self.profiles.add(f"{DEFAULT_TENANT}/{user_of(given)}")
            self._conserved(record)
        if record.outcome == outcome != "applied" and record.entries:
            self._violated(f"I2: {id_of(record)} is {outcome} and has effects")
        # Somebody waits, and there is somebody to say it of.
        is_told = "xp-origin" in headers and outcome in ("applied", "replayed")
        is_known = given is not None and _who(given) in self._users
        self._same(record, "having a state", record.state is not None, is_told and is_known)
        if record.outcome == "applied" and record.user is not None:
            self._again(record, record.user, appended)

    def _same(self, record: Record, what: str, found: object, expected: object) -> None:
        if found != expected:
            self._violated(f"I3: {what} of {id_of(record)} is {found}, not {expected}")

    def _outcome(self, record: Record, event: Stored, appended: Millis) -> tuple[str, Any]:
        if event.value in self._story.poison:
            return "dead", None
        given = json.loads(event.value or b"")
        if "user" not in given:
            return self._of_partition(given), None
        return self._of_user(record, event, given, appended), given

    def _of_partition(self, given: Any) -> str:
        if given["type"] == "hold":
            return "applied"
        known, self._version = self._version, max(self._version, given["version"])
        return "replayed" if known == self._version else "applied"

    def _of_user(self, record: Record, event: Stored, given: Any, appended: Millis) -> str:
        tenant, user = _who(given)
        if right_partition(tenant, user, self._story.partitions) != self._partition:
            return "forwarded"
        game = self._game(self._version if tenant == DEFAULT_TENANT else 0, record.rules)
        origin = (id_of(record),)
        forwarded = "xp-forwarded" in dict(event.headers)
        if forwarded and origin in self._first:
            try:
                if "type" not in given:
                    check(given, from_millis(appended), game.rules.definitions)
            except RefusedError:
                return "refused"
            return "replayed"
        if forwarded:
            self._first[origin] = id_of(record)
        if given.get("type") == "due" and self._is_past(game, given):
            return "replayed"
        return self._played(game, record, given, appended)

    def _is_past(self, game: Game, given: Any) -> bool:
        """Tell whether an instant that fell due has been passed, so that the clock was late.

        The engine says so, from the ledger alone; by the reference nothing happens up to it then.
        """
        due = self._states[given["user"]].due
        at = datetime.fromisoformat(given["at"])
        if due is not None and instant(due) <= at:
            return False
        waited = game.wait(DEFAULT_TENANT, given["user"], at)
        if waited.streaks or waited.awards:
            self._violated(f"I3: {given} was passed over, and leads to {waited}")
        return True

    def _played(self, game: Game, record: Record, given: Any, appended: Millis) -> str:
        expected = game.play(given, from_millis(appended))
        frequency, kind = game.rules.frequency, given.get("type", "metric")
        wanted = effects_of_outcome(expected, frequency, kind)
        for text in differences(effects_of_record(record, frequency), wanted):
            self._violated(f"I3: of {id_of(record)} {text}")
        who = _who(given)
        if expected.status != "refused" and record.state is not None:
            self._check_answer(game, record, expected, self._users[who])
        key = given.get("idempotencyKey")
        if key is not None:
            use = (*who, scope_of(given), key)
            if expected.status == "replayed":
                self._same(record, "first", record.first, self._first.get(use))
            if expected.status == "applied":
                self._first[use] = id_of(record)
        return expected.status

    def _check_answer(self, game: Game, record: Record, expected: Outcome, user: Any) -> None:
        assert record.state is not None
        shown = answer_of_outcome(expected, user, game.rules)
        answered = answer_of_state(record.state)
        if expected.status == "replayed" and answered["total"] is None:
            # Of a correction that has nothing to do the engine tells no total.
            del shown["total"]
        for text in differences(answered, shown):
            self._violated(f"I3: of the answer to {id_of(record)} {text}")

    def _game(self, version: int, build: int) -> Game:
        game = self._games.get((version, build))
        if game is None:
            known = [plain(definitions(it, build)) for it in range(1, version + 1)]
            game = self._games[version, build] = Game(known[0] if known else EMPTY, LONG_AGO)
            for newer in known[1:]:
                game.define(newer, LONG_AGO)
            # One set of users under all versions.
            game.users = self._users
        return game

    def _conserved(self, record: Record) -> None:
        """Check that balances are the sum of awards, within their bounds, after every record."""
        caps = {it.key: it.maxPoints for it in definitions(self._version, 1).points}
        for entry in record.entries:
            if isinstance(entry, PointsEntry):
                place = record.user or "", entry.system
                self._balances[place] += entry.awarded
                cap = caps[entry.system]
                if entry.total != self._balances[place] or not 0 <= entry.total <= (cap or 0):
                    told = f"{entry}, sum {self._balances[place]}"
                    self._violated(f"I6: {id_of(record)}: {told}")

    def _again(self, record: Record, user: str, appended: Millis) -> None:
        """Judge from the ledger alone: the same bytes must come of it."""
        given = read_input(write_input(input_of(record)))
        assert not isinstance(given, PartitionInput)
        event = given.event if isinstance(given, Correction) else ""
        decision = decide(
            self._states.get(user),
            given,
            appended * MILLISECOND,
            compiled(record.definitions, record.rules),
            self._corrected.get((user, event)),
        )
        if not isinstance(decision, Decision):
            self._violated(f"I7: {id_of(record)} judged again: {decision}")
            return
        self._states[user] = decision.own
        for entry in record.entries:
            if isinstance(entry, CorrectionEntry):
                self._corrected[user, entry.event] = entry.after
        if encode(decision.entries) != encode(record.entries):
            self._violated(f"I7: {id_of(record)} judged again: {decision.entries}")
        if record.state is not None:
            metric = given.metric if isinstance(given, MetricEvent | Correction) else None
            state = answer_state(decision.own, metric, decision.rules)
            if encode(state) != encode(record.state):
                self._violated(f"I7: {id_of(record)} judged again: {state}")

    def check_end(self, fold: Fold) -> None:
        """Check that what the ledger comes to is what the reference has in the end."""
        users = {user for _, user in self._users}
        if set(fold.states) != users:
            self._violated(f"I3: users {sorted(fold.states)}, not {sorted(users)}")
            return
        rules = self._game(self._version, BUILDS[0]).rules
        for (_, name), user in self._users.items():
            if fold.states[name] != write_user_state(self._states[name]):
                self._violated(f"I7: {name} judged again is {self._states[name]}")
            found = known_of_state(read_user_state(fold.states[name]), rules)
            expected = known_of_user(user, rules)
            assert found is not None
            assert expected is not None
            for text in differences(found, expected):
                self._violated(f"I3: of {name} {text}")
            if list(found["achievements"]) != list(expected["achievements"]):
                self._violated(f"I3: {name} has completed {found['achievements']} in another order")


def _who(given: Any) -> tuple[str, str]:
    return given.get("tenant", DEFAULT_TENANT), user_of(given)
