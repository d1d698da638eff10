"""What a person can mend, said in a sentence: what is wrong, where, and what to change."""

import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError
from pydantic import ValidationError

from broker.apply import OvertakenError
from broker.topics import TopicsUnfitError
from ops.embedded.ports import PartDiedError, StackError
from ops.game_file import GameFileError
from ops.inputs import UnjudgedError
from ops.settings_file import SettingsError
from processor.lane import WriterLostError
from processor.recovery import SourceLostError
from processor.slot import StoreBusyError
from projections.database import DatabaseError
from schemas.strict import explain

# Said in a sentence, without a traceback. What is no error of the world is our own bug.
EXPECTED: Final = (
    SettingsError,
    GameFileError,
    OvertakenError,
    StackError,
    PartDiedError,
    SourceLostError,
    WriterLostError,
    StoreBusyError,
    TopicsUnfitError,
    UnjudgedError,
    DatabaseError,
    psycopg.Error,
    KafkaError,
    LookupError,
    ValueError,
    OSError,
)

_BROKER: Final = re.compile(r"\('([^']*)', (\d+)")


def sentence_of(error: BaseException) -> str:
    """Return what to say of an expected error."""
    said = str(error) or type(error).__name__
    match error:
        case ValidationError():
            said = explain(error)
        case KafkaConnectionError():
            said = _no_broker(error)
        case TopicAuthorizationFailedError(args=(str() as plain,)):
            said = plain
        case psycopg.errors.UndefinedTable() | psycopg.errors.InvalidSchemaName():
            said = "Postgres has no tables of xpledger: run `xp migrate`"
        case psycopg.Error():
            said = f"Postgres: {_in_one_line(error)}"
        case DatabaseError():
            said = _in_one_line(error)
        case OSError() if error.strerror:
            said = error.strerror[0].lower() + error.strerror[1:]
            said = said if error.filename is None else f"{error.filename}: {said}"
        case _:
            pass
    return said


def leaves_of(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """Return the errors of a group and of the groups in it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves_of(error)
        else:
            yield error


def _no_broker(error: KafkaConnectionError) -> str:
    brokers = dict.fromkeys(f"{host}:{port}" for host, port in _BROKER.findall(str(error)))
    if not brokers:
        return f"Kafka is not reachable: {_in_one_line(error)}"
    return (
        f"Kafka does not answer at {', '.join(brokers)}: is it, or `xp up`, running? "
        "XP_KAFKA names another"
    )


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
