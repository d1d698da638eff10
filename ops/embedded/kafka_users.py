"""Who may come to the embedded Kafka: its users, their passwords, and what they may do.

Three users. The parts may do everything. Clients, which is whoever produces events and consumes
awards, may do what they are granted. The broker itself is known to its controller only. Passwords
are made at the first start, and kept for the user who runs the broker; to the broker they are told
at every start, so that a data directory of an older version needs nothing done to it.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from aiokafka.protocol.admin import CreateAclsRequest_v1, DeleteAclsRequest_v1
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from broker.access import Operation, Resource, Rule
from ops.embedded.kafka_wire import Wire, WireError
from ops.embedded.ports import replace_text

PARTS: Final = "xp-parts"
CLIENTS: Final = "xp-clients"
BROKER: Final = "xp-broker"

# What Kafka demands at least. The passwords are random: guessing them is hopeless without it.
ITERATIONS: Final = 4096
PASSWORD_BYTES: Final = 24
SCRAM_SHA_256: Final = 1

_RESOURCES: Final[dict[Resource, int]] = {"topic": 2, "group": 3}
_OPERATIONS: Final[dict[Operation, int]] = {
    "read": 3,
    "write": 4,
    "create": 5,
    "describe": 8,
    "describe-configs": 10,
}
_ANY: Final = 1
_DENY, _ALLOW = 2, 3
_LITERAL: Final = 3


class Passwords(NamedTuple):
    """The password of each user."""

    parts: str
    clients: str
    broker: str


def passwords(file: Path) -> Passwords:
    """Return the passwords in a file, made up and kept if there is none."""
    if not file.exists():
        made = [secrets.token_urlsafe(PASSWORD_BYTES) for _ in Passwords._fields]
        text = json.dumps(dict(zip(Passwords._fields, made, strict=True)))
        replace_text(file, text, mode=0o600)
    return Passwords(**json.loads(file.read_text(encoding="utf-8")))


def admit(controller: Wire, known: Passwords) -> None:
    """Have the broker know the parts and the clients. Raises OSError."""
    users = [_with_salt(PARTS, known.parts), _with_salt(CLIENTS, known.clients)]
    answer = controller.ask(_AlterUserScramCredentials([], users, {}))
    for user, code, message, _ in answer.results:
        if code:
            raise WireError(f"user {user} cannot be made: {message}")


def grant(controller: Wire, grants: Sequence[Rule]) -> None:
    """Have clients do what they are granted, and nothing that they were granted before.

    Raises OSError.
    """
    principal = f"User:{CLIENTS}"
    every = (_ANY, None, _ANY, principal, None, _ANY, _ANY)
    for answer in (
        controller.ask(DeleteAclsRequest_v1([every])).filter_responses,
        controller.ask(
            CreateAclsRequest_v1(
                [
                    (
                        _RESOURCES[it.resource],
                        it.name,
                        _LITERAL,
                        principal,
                        "*",
                        _OPERATIONS[it.operation],
                        _ALLOW if it.allowed else _DENY,
                    )
                    for it in grants
                ]
            )
        ).creation_responses,
    ):
        for code, message, *_ in answer:
            if code:
                raise WireError(f"clients cannot be granted what they may do: {message}")


def _with_salt(user: str, password: str) -> tuple[str, int, int, bytes, bytes, dict[int, bytes]]:
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    return user, SCRAM_SHA_256, ITERATIONS, salt, salted, {}


class _AlterUserScramCredentialsAnswer(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterUserScramCredentials(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = 51
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _AlterUserScramCredentialsAnswer
    SCHEMA = Schema(
        (
            "deletions",
            CompactArray(
                ("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)
            ),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )
