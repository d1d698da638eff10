"""What the chain rule admits of a partition, whatever else stands there."""

import json

import orjson
import pytest
from parts.judged import Lane
from wording.junk import JUNK

from broker.ledger import admitted
from schemas.codec import UnreadableRecordError, write_record
from schemas.records import link_of


class At:
    """A message."""

    def __init__(self, offset, value):
        self.offset = offset
        self.value = value


def test_what_the_chain_admits_is_the_same_with_them_and_without(store):
    lane = Lane(store)
    records = [lane.event().record for _ in range(5)]
    first = write_record(records[0])
    rest = [At(index, write_record(it)) for index, it in enumerate(records)]
    littered = [
        it
        for index, message in enumerate(rest)
        for it in (*(At(100 + index, value) for value in JUNK), message)
    ]
    last = records[0].after
    assert [it for _, it in admitted("ledger", 0, littered, last)] == records
    # One that this program cannot read, but that would be next.
    words = json.loads(first) | {"entries": [{"kind": "unheard-of"}]}
    with pytest.raises(UnreadableRecordError):
        list(admitted("ledger", 0, [At(0, orjson.dumps(words))], last))
    assert list(admitted("ledger", 0, [At(0, orjson.dumps(words))], link_of(records[4]))) == []
