"""From the bytes of one event to its ledger record: every outcome of it, and no I/O.

What has to be sent besides the record (a dead letter, a forwarded event, a profile) is returned,
for the lane to send before the record is appended.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple, assert_never

import orjson
import structlog
from aiokafka.partitioner import murmur2

from processor.rules import RULES
from processor.rules.decide import (
    NothingToDoError,
    RefusedError,
    admit,
    decide,
    event_time,
    state_of,
)
from processor.rules.game import EMPTY, BoostRule, Game
from processor.rules.standing import Standing
from processor.state import PartitionState, key_hash, origin_hash, scope_of
from processor.store import StoreError
from schemas.codec import event_id, from_millis, read_event_id, write_instant, write_record
from schemas.entries import RECORD_VERSION, Entry, Input, Outcome, Record, StreakPreferences
from schemas.events import (
    AchievementCompletion,
    Adjustment,
    Backfill,
    Backfilled,
    BoostDue,
    Correction,
    DefinitionsMarker,
    Due,
    EventUser,
    FreezeGrant,
    Hold,
    Identification,
    InvalidInputError,
    MetricEvent,
    OfPartition,
    OfUser,
    PauseAddition,
    PauseRemoval,
    Preferences,
    StreakPreference,
    StreakRestoration,
    UserInput,
    read_input,
)
from schemas.numbers import write
from schemas.topics import (
    DEFAULT_TENANT,
    EVENT_BYTES_MAX,
    HEADER_FORWARDED,
    HEADER_ORIGIN,
    HEADER_TIME,
    RECORD_BYTES_MAX,
    profile_key,
    user_key,
)

Headers = tuple[tuple[str, bytes], ...]

log = structlog.get_logger(__name__)


class MissingVersionError(Exception):
    """A marker names a version that has not been read yet: the lane waits for it."""

    def __init__(self, tenant: str, version: int) -> None:
        """Take what is missing."""
        super().__init__(f"version {version} of tenant {tenant!r} has not been read yet")
        self.tenant = tenant
        self.version = version


class Message(NamedTuple):
    """One record of xp.events as the broker hands it out."""

    offset: int
    # Append time in milliseconds since 1970.
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Send(NamedTuple):
    """Something to be sent before the record may be appended."""

    to: str  # "dead-letters" | "events" | "profiles"
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class Judged(NamedTuple):
    """A record, the key and bytes under which it is appended, and what goes before it."""

    record: Record
    key: bytes
    raw: bytes
    sends: tuple[Send, ...] = ()


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a lane sits: what is the same for all that it judges during one assignment."""

    partition: int
    partitions: int
    epoch: int
    lane: str
    # Finds the compiled definitions of a tenant's version, None while it has not been read.
    game: Callable[[str, int], Game | None]


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition on which Kafka's own clients put a key."""
    # The hash is pure Python, and most events are of users who were there a moment ago.
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def judge(
    seat: Seat,
    state: PartitionState,
    message: Message,
    absent: Collection[tuple[str, int]] = (),
) -> Judged:
    """Judge one message and apply its record to the state.

    `absent` names (tenant, version) of definitions that do not exist, as far as the topic has been
    read since this message came. Raises MissingVersionError, and changes nothing then, when a
    version must be read first, and StoreError when the local state cannot be read.
    """
    case = _Case(seat, state, message, absent)
    try:
        judged, standing = case.conclude()
    except (MissingVersionError, StoreError):
        # Neither says anything of the event.
        raise
    except Exception as error:
        # Our own bug: one event is set aside with its bytes, the partition goes on (law 6).
        log.exception("judge.failed", partition=seat.partition, offset=message.offset)
        judged, standing = case.failed(error)
    state.apply(judged.record, standing)
    return judged


class _Case:
    """One message on its way to a record."""

    __slots__ = (
        "_absent",
        "_appended",
        "_headers",
        "_id",
        "_message",
        "_origin",
        "_seat",
        "_state",
    )

    def __init__(
        self,
        seat: Seat,
        state: PartitionState,
        message: Message,
        absent: Collection[tuple[str, int]],
    ) -> None:
        self._seat = seat
        self._state = state
        self._message = message
        self._absent = absent
        self._headers: Mapping[str, bytes] = dict(message.headers) if message.headers else {}
        self._origin = _origin_of(self._headers)
        self._id = self._origin or event_id(seat.epoch, seat.partition, message.offset)
        self._appended = from_millis(append_time(message.timestamp, self._headers))

    def conclude(self) -> tuple[Judged, Standing | None]:
        value = self._message.value
        if value is None:
            return self._dead("the record has no value"), None
        if len(value) > EVENT_BYTES_MAX:
            return self._dead(f"an event may have {EVENT_BYTES_MAX} bytes, not {len(value)}"), None
        try:
            event = read_input(value)
        except InvalidInputError as error:
            return self._dead(str(error)), None
        if isinstance(event, MetricEvent):
            return self._of_user(event, event.user.id, _input_of_event(event))
        if isinstance(event, DefinitionsMarker | BoostDue | Backfilled | Hold):
            return self._of_partition(event), None
        user = event.user if isinstance(event.user, str) else event.user.id
        return self._of_user(event, user, _input_of(event))

    def failed(self, error: Exception) -> tuple[Judged, None]:
        return self._dead(f"internal error: {error!r}"), None

    # -- what is of a whole partition

    def _of_partition(self, given: OfPartition) -> Judged:
        tenant = given.tenant
        if isinstance(given, DefinitionsMarker) and (tenant, given.version) in self._absent:
            return self._dead(f"tenant {tenant!r} has no version {given.version}")
        version = self._state.versions.get(tenant, 0)
        at = given.at if isinstance(given, BoostDue) else None
        record = self._record("applied", tenant, None, version, at)
        record["input"] = _input_of_partition(given)
        if isinstance(given, BoostDue):
            key = tenant.encode()
            right = partition_of(key, self._seat.partitions)
            if right != self._seat.partition:
                record["outcome"] = "forwarded"
                return self._judged(record, self._forward(key, right))
        entry = self._entry_of(given, version)
        if entry is None:
            record["outcome"] = "replayed"
            return self._judged(record)
        record["entries"] = [entry]
        if isinstance(given, DefinitionsMarker):
            record["definitions"] = given.version
        return self._judged(record)

    def _entry_of(self, given: OfPartition, version: int) -> Entry | None:
        """Return what an input does to the partition, None for what has been done already."""
        entry: Entry | None = None
        match given:
            case DefinitionsMarker():
                if given.version > version:
                    # Nothing is judged by a version before it is here.
                    self._game(given.tenant, given.version)
                    entry = {"kind": "definitions", "version": given.version}
            case Backfilled():
                if given.version > self._state.backfilled.get(given.tenant, 0):
                    entry = {"kind": "backfilled", "version": given.version}
            case BoostDue():
                if self._is_news(given, self._game(given.tenant, version)):
                    entry = {
                        "kind": "boost",
                        "system": given.system,
                        "boost": given.boost,
                        "change": given.change,
                    }
            case Hold():
                entry = {"kind": "hold", "on": given.on}
            case _ as unknown:
                assert_never(unknown)
        return entry

    def _is_news(self, given: BoostDue, game: Game) -> bool:
        """Tell whether a boost of everyone is in force, and this was not told of it already.

        Its end is news only after its beginning, and that again only once it is moved to later
        dates.
        """
        if boost_of_everyone(game, given.system, given.boost) is None:
            return False
        path = f"{given.system}/{given.boost}"
        told = self._state.told.get(given.tenant, {}).get(path)
        if told is None:
            return given.change == "started"
        if given.change == told.change:
            return False
        return given.change == "finished" or given.at > datetime.fromisoformat(told.at)

    # -- what is of a user

    def _of_user(self, given: UserInput, user: str, told: Input) -> tuple[Judged, Standing | None]:
        tenant = given.tenant
        key = user_key(tenant, user)
        right = partition_of(key, self._seat.partitions)
        version = self._state.versions.get(tenant, 0)
        at = event_time(given, self._appended)
        record = self._record("applied", tenant, user, version, at)
        record["input"] = told
        if right != self._seat.partition:
            record["outcome"] = "forwarded"
            return self._judged(record, self._forward(key, right)), None
        if given.idempotencyKey is not None:
            record["key"] = given.idempotencyKey
        game = self._game(tenant, version)
        standing = self._state.standing(tenant, user)
        first = self._first_use(given, user, told)
        try:
            if first is not None:
                record["first"] = first
                return self._replayed(record, given, standing, game), None
            verdict = decide(standing, given, self._appended, game, self._corrected(given))
        except RefusedError as refusal:
            record.pop("first", None)
            return self._refused(record, refusal), None
        except NothingToDoError:
            return self._replayed(record, given, standing, game), None
        record["entries"] = verdict.entries
        record["state"] = verdict.state
        judged = self._judged(record, *self._profile(given))
        if len(judged.raw) > RECORD_BYTES_MAX:
            record["entries"] = []
            del record["state"]
            reason = f"its {len(verdict.entries)} effects do not fit into one record"
            return self._refused(record, RefusedError("invalid", reason)), None
        return judged, verdict.standing

    def _replayed(
        self, record: Record, given: UserInput, standing: Standing | None, game: Game
    ) -> Judged:
        metric = None
        if isinstance(given, MetricEvent):
            admit(given, self._appended, game)
            metric = given.metric
        if standing is not None:
            record["state"] = state_of(standing, metric, game)
        record["outcome"] = "replayed"
        return self._judged(record)

    def _corrected(self, given: UserInput) -> Decimal | None:
        if not isinstance(given, Correction):
            return None
        return self._state.corrected(given.tenant, given.user, given.event)

    def _first_use(self, given: UserInput, user: str, told: Input) -> str | None:
        if self._origin is not None:
            first = self._state.first_use(origin_hash(self._origin))
            if first is not None:
                return first
        if given.idempotencyKey is None:
            return None
        key = key_hash(given.tenant, user, scope_of(told), given.idempotencyKey)
        return self._state.first_use(key, self._appended)

    def _game(self, tenant: str, version: int) -> Game:
        if version == 0:
            return EMPTY
        game = self._seat.game(tenant, version)
        if game is None:
            raise MissingVersionError(tenant, version)
        return game

    def _record(
        self,
        outcome: Outcome,
        tenant: str,
        user: str | None,
        version: int,
        at: datetime | None = None,
    ) -> Record:
        seat, last = self._seat, self._state.last
        appended = write_instant(self._appended)
        return {
            "v": RECORD_VERSION,
            "id": self._id,
            "outcome": outcome,
            "at": write_instant(at) if at else appended,
            "appended": appended,
            "source": (seat.epoch, seat.partition, self._message.offset),
            "after": (last.epoch, last.offset, last.lane) if last else None,
            "lane": seat.lane,
            "tenant": tenant,
            "user": user,
            "definitions": version,
            "rules": RULES,
            "input": None,
            "entries": [],
        }

    def _judged(self, record: Record, *sends: Send) -> Judged:
        user = record["user"]
        key = user_key(record["tenant"], user) if user is not None else record["tenant"].encode()
        return Judged(record, key, write_record(record), sends)

    def _dead(self, reason: str) -> Judged:
        record = self._record("dead", DEFAULT_TENANT, None, 0)
        record["reason"] = reason
        return self._judged(record, self._dead_letter("dead", reason))

    def _refused(self, record: Record, refusal: RefusedError) -> Judged:
        record["outcome"] = "refused"
        record["reason"] = str(refusal)
        record["code"] = refusal.code
        told = record["input"]
        by_clock = told is not None and told.get("type") == "due"
        if by_clock or self._headers.get(HEADER_ORIGIN) == b"http":
            # The one who asked is told; nobody else needs to look at it.
            return self._judged(record)
        return self._judged(record, self._dead_letter("refused", str(refusal)))

    def _dead_letter(self, outcome: Outcome, reason: str) -> Send:
        headers = (
            ("xp-outcome", outcome.encode()),
            ("xp-reason", reason.encode()),
            ("xp-key", self._message.key or b""),
        )
        return Send("dead-letters", self._id.encode(), self._message.value, headers)

    def _forward(self, key: bytes, right: int) -> Send:
        told = [
            (HEADER_FORWARDED, self._id.encode()),
            (HEADER_TIME, str(append_time(self._message.timestamp, self._headers)).encode()),
        ]
        if HEADER_ORIGIN in self._headers:
            told.append((HEADER_ORIGIN, self._headers[HEADER_ORIGIN]))
        return Send("events", key, self._message.value, tuple(told), right)

    def _profile(self, given: UserInput) -> tuple[Send, ...]:
        user = given.user
        if isinstance(user, str):
            return ()
        personal = user.profile()
        if not personal:
            return ()
        profile = {"tenant": given.tenant, "user": user.id, **personal}
        return (Send("profiles", profile_key(given.tenant, user.id), orjson.dumps(profile)),)


def boost_of_everyone(game: Game, system: str, boost: str) -> BoostRule | None:
    """Return a boost that is not of a single user, None if the game has none of these keys."""
    for rule in game.systems:
        if rule.key == system:
            for found in rule.boosts:
                if found.key == boost and found.user is None:
                    return found
    return None


# An append time beyond is none: it lies in the year 8307.
MILLIS_MAX: Final = 2 * 10**14


def append_time(timestamp: int, headers: Mapping[str, bytes]) -> int:
    """Return an event's append time in milliseconds: a forwarded one keeps its first."""
    if HEADER_TIME not in headers or _origin_of(headers) is None:
        return timestamp
    told = headers[HEADER_TIME]
    if told.isdigit() and len(told) <= len(str(MILLIS_MAX)):
        # It was somewhere else before it came here.
        return min(int(told), timestamp)
    return timestamp


def _origin_of(headers: Mapping[str, bytes]) -> str | None:
    """Return the id under which a forwarded event was first found, None for any other."""
    if HEADER_FORWARDED not in headers:
        return None
    origin = headers[HEADER_FORWARDED].decode("ascii", "replace")
    return origin if read_event_id(origin) else None


def _input_of_event(event: MetricEvent) -> Input:
    told: Input = {"metric": event.metric}
    if event.value is not None:
        told["value"] = write(event.value)
    if event.attributes:
        told["attributes"] = event.attributes
    user = event.user
    if user.tz_given:
        told["tz"] = user.tz
    if user.attributes:
        told["userAttributes"] = user.attributes
    if event.occurredAt is not None:
        told["occurredAt"] = write_instant(event.occurredAt)
    return told


def _input_of_partition(given: OfPartition) -> Input:
    match given:
        case DefinitionsMarker() | Backfilled():
            return {"type": given.type, "version": given.version}
        case Hold():
            return {"type": given.type, "on": given.on}
        case BoostDue():
            return {
                "type": given.type,
                "system": given.system,
                "boost": given.boost,
                "change": given.change,
                "at": write_instant(given.at),
            }
        case _ as unknown:
            assert_never(unknown)


def _input_of(given: OfUser) -> Input:
    told: Input = {"type": given.type}
    match given:
        case AchievementCompletion():
            _tell_user(told, given.user)
            told["achievement"] = given.achievement
            if given.occurredAt is not None:
                told["occurredAt"] = write_instant(given.occurredAt)
        case Identification():
            _tell_user(told, given.user)
        case Due():
            told["at"] = write_instant(given.at)
        case Adjustment():
            told["system"] = given.system
            told["points"] = given.points
            told["reason"] = given.reason
        case Correction():
            _tell_correction(told, given)
        case Backfill():
            told["version"] = given.version
            told["series"] = {
                name: (write(subtotal), write(peak))
                for name, (subtotal, peak) in given.series.items()
            }
        case _:
            _tell_streak(told, given)
    return told


def _tell_user(told: Input, user: EventUser) -> None:
    if user.tz_given:
        told["tz"] = user.tz
    if user.attributes:
        told["userAttributes"] = user.attributes


def _tell_correction(told: Input, given: Correction) -> None:
    told["event"] = given.event
    told["metric"] = given.metric
    told["was"] = write(given.was)
    if given.attributes:
        told["attributes"] = given.attributes
    told["at"] = write_instant(given.at)
    if given.day is not None:
        told["day"] = given.day.isoformat()
    told["value"] = None if given.value is None else write(given.value)
    told["reason"] = given.reason


def _tell_streak(
    told: Input,
    given: FreezeGrant | PauseAddition | PauseRemoval | StreakRestoration | Preferences,
) -> None:
    match given:
        case PauseAddition():
            told["id"] = given.id
            told["start"] = given.start.isoformat()
            told["end"] = given.end.isoformat()
        case PauseRemoval():
            told["id"] = given.id
        case Preferences():
            told["streak"] = _preferences(given.streak)
        case FreezeGrant() | StreakRestoration():
            pass
        case _ as unknown:
            assert_never(unknown)


def _preferences(given: StreakPreference) -> StreakPreferences:
    told: StreakPreferences = {}
    if given.enabled is not None:
        told["enabled"] = given.enabled
    if given.evaluationMode is not None:
        told["evaluationMode"] = given.evaluationMode
    if given.metrics is not None:
        told["metrics"] = [
            {"metric": it.metric, "threshold": write(it.threshold)} for it in given.metrics
        ]
    return told
