"""What a lane needs to know of its place, and what the headers of a message say."""

from collections.abc import Callable, Mapping
from typing import Final

from broker.batches import Unreadable
from processor.pending import Message
from processor.rules.ruleset import Ruleset
from schemas.codec import read_event_id
from schemas.instants import Millis
from schemas.signing import Signer
from schemas.text import EventId, LaneToken, Reason, TenantKey
from schemas.topics import HEADER_FORWARDED, HEADER_TIME

# An append time beyond is none: it lies in the year 8307.
MILLIS_MAX: Final = 2 * 10**14


class MissingVersionError(Exception):
    """A marker names a version that has not been read yet: the lane waits for it."""

    def __init__(self, tenant: TenantKey, version: int) -> None:
        super().__init__(f"version {version} of tenant {tenant!r} has not been read yet")
        self.tenant = tenant
        self.version = version


class UnusableVersionError(Exception):
    """A version that was read cannot be judged by: its marker is dead, and its tenant's inputs."""


class LaneContext:
    """What is the same for all that a lane judges during one assignment."""

    __slots__ = ("epoch", "lane", "partition", "partitions", "ruleset", "signer")

    def __init__(
        self,
        partition: int,
        partitions: int,
        epoch: int,
        lane: LaneToken,
        ruleset: Callable[[TenantKey, int], Ruleset | None],
        signer: Signer | None = None,
    ) -> None:
        self.partition = partition
        self.partitions = partitions
        self.epoch = epoch
        self.lane = lane
        # Finds the rules of a tenant's version, None while it has not been read. Raises
        # UnusableVersionError.
        self.ruleset = ruleset
        # Knows what our own parts have sent; None: nothing is checked.
        self.signer = signer


def missing(value: Unreadable | None) -> Reason:
    """Return why a message has no value."""
    if value is None:
        return "the record has no value"
    return f"the record cannot be read: {value.reason}"


def is_of_ours(context: LaneContext, message: Message, headers: Mapping[str, bytes | None]) -> bool:
    """Tell whether one of our own parts has sent a message, of the lane's partition."""
    signer, value = context.signer, message.value
    if signer is None or message.timestamp < signer.unsigned_until:
        return True
    return isinstance(value, bytes) and signer.has_signed(
        context.partition, message.key, value, headers
    )


def origin_of(headers: Mapping[str, bytes | None]) -> EventId | None:
    """Return the id under which a forwarded event was first found, None for any other."""
    raw = headers.get(HEADER_FORWARDED)
    if raw is None:
        return None
    origin = raw.decode("ascii", "replace")
    return origin if read_event_id(origin) else None


def append_time(timestamp: Millis, headers: Mapping[str, bytes | None]) -> Millis:
    """Return an event's append time: a forwarded one keeps its first."""
    text = headers.get(HEADER_TIME)
    if text is None or origin_of(headers) is None:
        return timestamp
    if text.isdigit() and len(text) <= len(str(MILLIS_MAX)):
        # It was somewhere else before it came here.
        return min(int(text), timestamp)
    return timestamp
