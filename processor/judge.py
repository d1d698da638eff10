"""From the bytes of one input to its ledger record: every outcome of it, and no I/O.

What has to be sent besides the record (a dead letter, a forwarded event, a profile) is returned,
for the lane to send before the record is appended. What is of a whole partition is judged in
`judge_partition`.
"""

from collections.abc import Collection, Mapping
from typing import Final

import structlog

from broker.partitions import partition_of
from processor.hashed_rows import key_hash, origin_hash, scope_of
from processor.judge_partition import judge_partition, ruleset_of
from processor.messages import (
    LaneContext,
    MissingVersionError,
    UnusableVersionError,
    append_time,
    is_of_ours,
    missing,
    origin_of,
)
from processor.outgoing import dead_letter, forward, profile
from processor.partition_state import PartitionState
from processor.pending import Headers, Message, PendingRecord, Send
from processor.recorded import fitting, recorded
from processor.rows import path_of
from processor.rules import RULES
from processor.rules.decide import admit, answer_state, decide, event_time
from processor.rules.decision import Decision
from processor.rules.left import Refused
from processor.rules.ruleset import Ruleset
from processor.rules.user_state import UserState
from processor.store import StoreError
from schemas.codec import write_record
from schemas.inputs import (
    Backfilled,
    BoostDue,
    Correction,
    DefinitionsMarker,
    Hold,
    MetricEvent,
    PartitionInput,
    RecordedDue,
    UserInput,
    may_anyone_say,
    user_of,
)
from schemas.inputs.base import DEFAULT_TENANT
from schemas.inputs.reading import InvalidInputError, read_input
from schemas.instants import MILLISECOND, Micros
from schemas.records import RECORD_VERSION, Record, Source
from schemas.text import EventId, Reason, TenantKey, UserPath
from schemas.topics import (
    EVENT_BYTES_MAX,
    HEADER_FORWARDED,
    HEADER_ORIGIN,
    HEADER_TIME,
    RECORD_BYTES_MAX,
    user_key,
)

log = structlog.get_logger(__name__)

NO_HEADERS: Final[Mapping[str, bytes | None]] = {}
NONE_ABSENT: Final[frozenset[tuple[TenantKey, int]]] = frozenset()


def judge(
    context: LaneContext,
    state: PartitionState,
    message: Message,
    absent: Collection[tuple[TenantKey, int]] = NONE_ABSENT,
) -> PendingRecord:
    """Judge one message and apply its record to the state.

    `absent` names (tenant, version) of definitions that do not exist, as far as the topic has been
    read since this message came. Raises MissingVersionError, and changes nothing then, when a
    version must be read first, and StoreError when the local state cannot be read.
    """
    case = _Case(context, state, message)
    try:
        return case.judged(absent)
    except (MissingVersionError, StoreError):
        # Neither says anything of the event.
        raise
    except UnusableVersionError as error:
        # Of this tenant alone: its inputs can be published again, and nobody else waits.
        return case.dead(f"the version in force cannot be used: {error}")
    except Exception as bug:
        # Our own: one event is set aside with its bytes, the partition goes on (law 6). Under a
        # name of its own: compiled, a name has one type.
        log.exception("judge.failed", partition=context.partition, offset=message.offset)
        return case.failed(bug)


class _Case:
    """One message on its way to a record."""

    __slots__ = ("_appended", "_context", "_headers", "_message", "_origin", "_state", "_who")

    def __init__(self, context: LaneContext, state: PartitionState, message: Message) -> None:
        self._context = context
        self._state = state
        self._message = message
        self._headers = NO_HEADERS
        self._appended = message.timestamp
        # Under which id a forwarded event was first found, None for any other.
        self._origin: EventId | None = None
        # The user whose state is being changed.
        self._who: UserPath | None = None

    def judged(self, absent: Collection[tuple[TenantKey, int]]) -> PendingRecord:
        message = self._message
        if message.headers and not self._read_headers(message.headers):
            return self._forged("headers", "the headers xp-forwarded and xp-time")
        value = message.value
        if not isinstance(value, bytes):
            return self.dead(missing(value))
        if len(value) > EVENT_BYTES_MAX:
            return self.dead(f"an event may have {EVENT_BYTES_MAX} bytes, not {len(value)}")
        try:
            given = read_input(value)
        except InvalidInputError as error:
            return self.dead(error.kind, str(error))
        if isinstance(given, MetricEvent):
            return self._of_user(given, given.metric)
        if not (may_anyone_say(given) or self._is_of_ours()):
            tag = str(given.__struct_config__.tag)
            return self._forged(tag, f"an input of type {tag!r}")
        if isinstance(given, (DefinitionsMarker, BoostDue, Backfilled, Hold)):
            return self._of_partition(given, absent)
        return self._of_user(given, scope_of(given))

    def _read_headers(self, given: Headers) -> bool:
        """Take what the headers say; tell whether who said it may."""
        headers = self._headers = dict(given)
        if HEADER_FORWARDED in headers or HEADER_TIME in headers:
            if not self._is_of_ours():
                return False
            self._origin = origin_of(headers)
            self._appended = append_time(self._message.timestamp, headers)
        return True

    def _is_of_ours(self) -> bool:
        return is_of_ours(self._context, self._message, self._headers)

    def _of_partition(
        self, given: PartitionInput, absent: Collection[tuple[TenantKey, int]]
    ) -> PendingRecord:
        record = self._record(given.tenant)
        reason = judge_partition(self._context, self._state, record, given, absent)
        if reason is not None:
            return self.dead(reason)
        key = given.tenant.encode()
        return (
            self._forwarded(record, key)
            if record.outcome == "forwarded"
            else self._applied(record, key)
        )

    def failed(self, error: Exception) -> PendingRecord:
        if self._who is not None:
            self._state.users.undo(self._who)
        # What an error says may be what its input said.
        return self.dead(f"internal error: {type(error).__name__}", f"internal error: {error!r}")

    # -- what is of a user

    def _of_user(self, given: UserInput, scope: str) -> PendingRecord:
        context, state = self._context, self._state
        tenant, user = given.tenant, user_of(given)
        who, key = path_of(tenant, user), user_key(tenant, user)
        record = self._record(tenant)
        record.user = user
        record.input = recorded(given)
        own = state.users.get(who)
        # One who is known here is here by right.
        if own is None and partition_of(key, context.partitions) != context.partition:
            record.outcome = "forwarded"
            return self._forwarded(record, key)
        rules = ruleset_of(context, tenant, record.definitions)
        digest: bytes | None = None
        if given.idempotencyKey is not None:
            record.key = given.idempotencyKey
            digest = key_hash(who, scope, given.idempotencyKey)
        first = None
        if self._origin is not None:
            first = state.used.first(origin_hash(self._origin))
        if first is None and digest is not None:
            first = state.used.first(digest, self._appended)
        if first is not None:
            record.first = first
            return self._replayed(record, key, given, own, rules)
        due = None if own is None else own.due
        self._who = who
        corrected = state.corrected(who, given.event) if isinstance(given, Correction) else None
        decision = decide(own, given, self._appended * MILLISECOND, rules, corrected)
        if isinstance(decision, Decision):
            return self._decided(record, key, given, decision, who, due, digest)
        state.users.undo(who)
        if isinstance(decision, Refused):
            return self._refused(record, key, decision)
        return self._replayed(record, key, given, state.users.get(who), rules)

    def _decided(
        self,
        record: Record,
        key: bytes,
        given: UserInput,
        decision: Decision,
        who: UserPath,
        due: Micros | None,
        digest: bytes | None,
    ) -> PendingRecord:
        record.entries = decision.entries
        if HEADER_ORIGIN in self._headers:
            # Somebody waits for the answer.
            metric = given.metric if isinstance(given, (MetricEvent, Correction)) else None
            record.state = answer_state(decision.own, metric, decision.rules)
        raw = write_record(record)
        if len(raw) > RECORD_BYTES_MAX:
            self._state.users.undo(who)
            record.entries = []
            record.state = None
            reason = f"its {len(decision.entries)} effects do not fit into one record"
            return self._refused(record, key, Refused("invalid", reason))
        sends = () if isinstance(given.user, str) else profile(given)
        self._state.apply_to_user(record, who, decision.own, due, digest)
        return PendingRecord(record, key, raw, sends)

    def _replayed(
        self,
        record: Record,
        key: bytes,
        given: UserInput,
        own: UserState | None,
        rules: Ruleset,
    ) -> PendingRecord:
        metric = None
        if isinstance(given, MetricEvent):
            appended = self._appended * MILLISECOND
            plan = admit(given, appended, event_time(given, appended), rules)
            if isinstance(plan, Refused):
                record.first = None
                return self._refused(record, key, plan)
            metric = given.metric
        if own is not None and HEADER_ORIGIN in self._headers:
            record.state = answer_state(own, metric, rules)
        record.outcome = "replayed"
        return self._applied(record, key)

    # -- records

    def _record(self, tenant: TenantKey) -> Record:
        context, last = self._context, self._state.last
        version = self._state.versions.get(tenant, 0)
        source = Source(context.epoch, context.partition, self._message.offset)
        record = Record(RECORD_VERSION, source, last, self._appended, version, RULES)
        if last is None or last.lane != context.lane:
            record.lane = context.lane
        if tenant != DEFAULT_TENANT:
            record.tenant = tenant
        if self._origin is not None:
            record.id = self._origin
        return record

    def _applied(self, record: Record, key: bytes, *sends: Send) -> PendingRecord:
        """Apply a record that changes no user."""
        # First: whatever fails here must leave the state as it was.
        raw = fitting(record)
        self._state.apply(record)
        return PendingRecord(record, key, raw, sends)

    def _forwarded(self, record: Record, key: bytes) -> PendingRecord:
        send = forward(self._context, self._message, record, self._headers, key)
        return self._applied(record, key, send)

    def dead(self, reason: Reason, told: Reason | None = None) -> PendingRecord:
        """Return the record of an input that is none; `told` is for its dead letter alone.

        The ledger is for ever, and says nothing that only the input does.
        """
        record = self._record(DEFAULT_TENANT)
        # It was judged by none.
        record.definitions = 0
        record.outcome = "dead"
        record.reason = reason
        letter = dead_letter(self._message, record, told)
        return self._applied(record, DEFAULT_TENANT.encode(), letter)

    def _forged(self, what: str, words: str) -> PendingRecord:
        reason = f"not signed: only xpledger's own parts may send {words}"
        pending = self.dead(reason)
        return PendingRecord(pending.record, pending.key, pending.raw, pending.sends, what)

    def _refused(self, record: Record, key: bytes, refused: Refused) -> PendingRecord:
        record.outcome = "refused"
        record.reason = refused.reason
        record.code = refused.code
        if isinstance(record.input, RecordedDue) or self._headers.get(HEADER_ORIGIN) == b"http":
            # The one who asked is told; nobody else needs to look at it.
            return self._applied(record, key)
        return self._applied(record, key, dead_letter(self._message, record))
