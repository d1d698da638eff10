"""The one translation between the engine's words and those of this second implementation.

For all who compare the two: the laws, the simulator, the faults. The two group differently what
belongs together: the engine tells of equal ticks, and of periods that were kept alike, in one
entry. Here both say the same in the same way, so that `==` compares them.

What came of an input, as a dictionary with the names of `no_effects` (`translated_effects`):

    effects_of_record(record, frequency)    of a `schemas.records.Record`
    effects_of_outcome(outcome, frequency, kind)
                                            of what `Game.play` or `Game.wait` returned
    no_effects(outcome)                     of an input that is dead, forwarded or of no user
    award_rows(awards)                      of an Outcome's awards: rows as the ledger has them

What is known of a user, and what the answer to an input shows (`translated_users`):

    known_of_state(own, rules)              of the engine's UserState, None where there is none
    known_of_user(user, rules)              of `reference.people.User`, likewise
    answer_of_state(state)                  of the AnswerState of a record
    answer_of_outcome(outcome, user, rules) of what `Game.play` returned

Into the words of the second implementation, and what all of it is for:

    input_of(record)                        the input of a record as it stood on xp.events, but for
                                            what is personal: for `Game.play`, and written by
                                            `schemas.codec.write_input` for the engine
    plain(definitions)                      definitions, for `Game` and `Game.define`
    differences(found, expected)            a text for each name of `expected` that differs

`frequency` is that of the game (`Rules.frequency`), `kind` the `type` of the input, `rules` are the
`reference.rules.Rules` in force. Of ours nothing is imported but `schemas`: a UserState is known by
its fields.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import to_builtins
from reference.translated_effects import (
    award_rows,
    effects_of_outcome,
    effects_of_record,
    no_effects,
)
from reference.translated_users import (
    answer_of_outcome,
    answer_of_state,
    known_of_state,
    known_of_user,
)

from schemas.definitions import Definitions
from schemas.inputs import RecordedCompletion, RecordedEvent, RecordedIdentification
from schemas.inputs.base import DEFAULT_TENANT
from schemas.records import Record

__all__ = [
    "answer_of_outcome",
    "answer_of_state",
    "award_rows",
    "differences",
    "effects_of_outcome",
    "effects_of_record",
    "input_of",
    "known_of_state",
    "known_of_user",
    "no_effects",
    "plain",
]

# Kinds of inputs that tell of their user besides naming it.
WITH_USER = (RecordedEvent, RecordedCompletion, RecordedIdentification)


def input_of(record: Record) -> dict[str, Any]:
    """Return the input of a record as it stood on xp.events, but for what is personal."""
    given: dict[str, Any] = to_builtins(record.input, builtin_types=(Decimal,))
    if record.user is not None:
        given["user"] = record.user
        if isinstance(record.input, WITH_USER):
            names = {"tz": "tz", "userAttributes": "attributes"}
            known = {there: given.pop(here) for here, there in names.items() if here in given}
            given["user"] = {"id": record.user, **known}
    if record.tenant != DEFAULT_TENANT:
        given["tenant"] = record.tenant
    if record.key is not None:
        given["idempotencyKey"] = record.key
    return given


def plain(definitions: Definitions) -> dict[str, Any]:
    """Return definitions as the second implementation reads them."""
    return definitions.model_dump(exclude_none=True)


def differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Say where they differ, a text for each name that is expected."""
    return [
        f"{name} is {found[name]}, not {value}"
        for name, value in expected.items()
        if found[name] != value
    ]
