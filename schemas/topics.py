"""Every topic: its name, key, value, partitions and retention. The whole plumbing on one screen.

| topic                  | key           | value                    | kept                         |
|------------------------|---------------|--------------------------|------------------------------|
| events                 | user          | an input, JSON           | 7 days, append time          |
| ledger                 | user          | a record, JSON           | for ever                     |
| definitions            | tenant        | a version, JSON          | for ever, one partition      |
| profiles               | tenant/user   | a profile, JSON          | compacted                    |
| dead-letters           | event id      | the bytes as they came   | 30 days                      |
| points-awarded         | user          | a notice, JSON           | 30 days                      |
| level-changed          | user          | a notice, JSON           | 30 days                      |
| achievement-completed  | user          | a notice, JSON           | 30 days                      |
| streak-changed         | user          | a notice, JSON           | 30 days                      |

The key of a user is the user's id for the default tenant, else tenant/user (`user_key`).
"""

from dataclasses import dataclass, field
from typing import Final

DEFAULT_TENANT: Final = "default"

DAY_MS: Final = 24 * 60 * 60 * 1000
FOREVER: Final = "-1"

EVENT_BYTES_MAX: Final = 64 * 1024
RECORD_BYTES_MAX: Final = 1024 * 1024
# One append carries many records; the topic admits more than one record's worth per batch.
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024

# Headers of xp.events.
HEADER_ORIGIN: Final = "xp-origin"  # b"http": somebody waits for the verdict of this very event
HEADER_FORWARDED: Final = "xp-forwarded"  # epoch-partition-offset where the event was first found
HEADER_TIME: Final = "xp-time"  # append time there, in milliseconds since 1970
HEADER_MAC: Final = "xp-mac"  # that one of our own parts has sent it (`schemas.signing`)

# A header of dead letters: how long a value was that has been cut.
HEADER_LENGTH: Final = "xp-length"


def user_key(tenant: str, user: str) -> bytes:
    """Return the record key that decides a user's partition."""
    return (user if tenant == DEFAULT_TENANT else f"{tenant}/{user}").encode()


def profile_key(tenant: str, user: str) -> bytes:
    """Return the record key of a profile: compaction keeps one per key, and no users share it."""
    return f"{tenant}/{user}".encode()


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic and what must be true of it."""

    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)
    # Names of the settings whose loss would lose data: a worker refuses to start without them.
    vital: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of all topics under one prefix, and their settings for a partition count."""

    prefix: str = "xp."

    def _name(self, plain: str) -> str:
        return f"{self.prefix}{plain}"

    @property
    def events(self) -> str:
        """What comes in."""
        return self._name("events")

    @property
    def ledger(self) -> str:
        """What was concluded: the truth."""
        return self._name("ledger")

    @property
    def definitions(self) -> str:
        """Versions of the rules of the game."""
        return self._name("definitions")

    @property
    def profiles(self) -> str:
        """Personal fields, which never enter the ledger."""
        return self._name("profiles")

    @property
    def dead_letters(self) -> str:
        """What could not be judged, with the reason."""
        return self._name("dead-letters")

    @property
    def points_awarded(self) -> str:
        """One notice per award or deduction."""
        return self._name("points-awarded")

    @property
    def level_changed(self) -> str:
        """One notice per change of level."""
        return self._name("level-changed")

    @property
    def achievement_completed(self) -> str:
        """One notice per completed achievement."""
        return self._name("achievement-completed")

    @property
    def streak_changed(self) -> str:
        """One notice per streak started, extended or lost."""
        return self._name("streak-changed")

    @property
    def notices(self) -> tuple[str, ...]:
        """The topics that downstream services consume."""
        return (
            self.points_awarded,
            self.level_changed,
            self.achievement_completed,
            self.streak_changed,
        )

    def plan(self, partitions: int) -> tuple[Topic, ...]:
        """Return every topic for a partition count of events and ledger, fixed at creation."""
        log = {
            "cleanup.policy": "delete",
            "retention.ms": FOREVER,
            "retention.bytes": FOREVER,
            "unclean.leader.election.enable": "false",
        }
        vital = tuple(log)
        month = {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS)}
        return (
            Topic(
                self.events,
                partitions,
                {
                    "cleanup.policy": "delete",
                    "retention.ms": str(7 * DAY_MS),
                    "message.timestamp.type": "LogAppendTime",
                    "max.message.bytes": str(RECORD_BYTES_MAX),
                },
                ("cleanup.policy", "message.timestamp.type"),
            ),
            Topic(
                self.ledger, partitions, log | {"max.message.bytes": str(BATCH_BYTES_MAX)}, vital
            ),
            Topic(self.definitions, 1, log | {"max.message.bytes": str(BATCH_BYTES_MAX)}, vital),
            Topic(
                self.profiles,
                partitions,
                {
                    "cleanup.policy": "compact",
                    # A profile may come in parts; none is compacted away before it can be read.
                    "min.compaction.lag.ms": str(7 * DAY_MS),
                },
            ),
            Topic(self.dead_letters, 1, month | {"max.message.bytes": str(BATCH_BYTES_MAX)}),
            *(Topic(name, partitions, month) for name in self.notices),
        )
