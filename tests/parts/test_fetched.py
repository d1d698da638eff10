"""Whatever a producer may send, what is fetched is taken to its end."""

import tracemalloc
from itertools import pairwise

import cramjam
import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from wording import batches
from wording.batches import GZIP, LZ4, NONE, SNAPPY, ZSTD, packed, spoilt

from broker.batches import HEADERS_MAX, Unreadable
from broker.fetched import Fetched, KeptBytes
from broker.unpacking import UNPACKED_BYTES_MAX, UnpackingError, unpack
from schemas.topics import RECORD_BYTES_MAX

TP = TopicPartition("events", 0)
BASE = 70


def batch(*records, codec=NONE, base=BASE):
    return batches.batch(*records, codec=codec, base=base)


def sealed(raw):
    return batches.sealed(raw, BASE)


def fetched(raw, start=BASE, *, bare=True):
    """Return what is taken from the bytes of a fetch, and where fetching then stands."""
    taker = Fetched(
        TP, KeptBytes(raw), None, start, None, None, check_crcs=True, isolation_level=""
    )
    taker.bare = bare
    taken = list(taker)
    return taken, taker.next_fetch_offset


def plainly(records):
    """Return offset, key, value and headers of records, a text for what cannot be read."""
    return [
        (it.offset, it.key, "unreadable" if isinstance(it.value, Unreadable) else it.value)
        for it in records
    ]


GOOD = [(b"ann", b"one", ()), (b"bob", b"two", [("a", b"b"), ("c", None)]), (None, None, ())]
READ = [(70, b"ann", b"one"), (71, b"bob", b"two"), (72, None, None)]


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
def test_what_can_be_read_is_read_whatever_it_is_compressed_with(codec):
    taken, after = fetched(batch(*GOOD, codec=codec))
    assert (plainly(taken), after) == (READ, 73)
    assert [tuple(it.headers) for it in taken] == [(), (("a", b"b"), ("c", None)), ()]
    assert [it.timestamp for it in taken] == [1000, 1001, 1002]


@pytest.mark.parametrize("raw", [b"", batch(*GOOD)[:-1]])
def test_of_a_batch_that_is_not_whole_nothing_is_taken(raw):
    kept = KeptBytes(raw)
    assert (kept.has_next(), kept.size_in_bytes()) == (False, len(raw))


def test_what_was_taken_before_is_not_taken_again():
    assert plainly(fetched(batch(*GOOD), start=72)[0]) == READ[2:]


BAD = [(b"ann", b"one", ()), (b"bob", b"two", [("name", b"x")]), (b"eve", b"three", ())]


@pytest.mark.parametrize("bare", [True, False])
def test_a_header_whose_name_is_no_utf8_makes_its_own_record_unreadable(bare):
    raw = spoilt(batch(*BAD), b"name", b"n\xff\xfee")
    taken, after = fetched(raw + batch((b"joe", b"four", ()), base=73), bare=bare)
    assert plainly(taken) == [
        (70, b"ann", b"one"),
        (71, None, "unreadable"),
        (72, b"eve", b"three"),
        (73, b"joe", b"four"),
    ]
    assert after == 74
    assert "UTF-8" in taken[1].value.reason


def test_so_it_does_in_a_batch_that_is_compressed():
    raw = packed(spoilt(batch(*BAD), b"name", b"n\xff\xfee"))
    assert plainly(fetched(raw)[0])[1:] == [(71, None, "unreadable"), (72, b"eve", b"three")]


def test_a_record_that_ends_too_early_takes_the_rest_of_its_batch_along():
    raw = bytearray(batch(*GOOD))
    raw[61] = 126
    taken, after = fetched(sealed(raw))
    assert plainly(taken) == [(72, None, "unreadable")]
    assert after == 73


@pytest.mark.parametrize("claimed", [9, 2**31 - 1])
def test_the_offset_of_a_record_is_that_of_its_place_whatever_it_claims(claimed):
    taken, after = fetched(batches.claiming(claimed, 0, base=BASE))
    assert plainly(taken) == [(70, b"a", b"b"), (71, b"a", b"b")]
    assert after == 72


def test_a_batch_whose_last_offset_was_claimed_before_it_breaks_off_has_it_once():
    # The first record claims the last offset, and what follows is none.
    raw = bytearray(batches.claiming(2, 0, 0, base=BASE))
    length = len(raw[batches.RECORDS_AT :]) // 3
    raw[batches.RECORDS_AT + length] = 126
    taken, after = fetched(sealed(raw))
    assert (plainly(taken), after) == ([(72, b"a", b"b")], 73)


def test_gaps_of_a_compacted_topic_stay_gaps():
    raw = bytearray(batch((b"a", b"b", ()), (b"c", b"d", [("name", b"x")])))
    raw[23:27] = (5).to_bytes(4, "big")
    raw = sealed(raw)
    assert plainly(fetched(raw)[0]) == [(70, b"a", b"b"), (71, b"c", b"d")]
    assert fetched(raw)[1] == 76
    taken, after = fetched(spoilt(raw, b"name", b"n\xff\xfee"))
    assert (plainly(taken), after) == ([(70, b"a", b"b")], 76)


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_a_batch_that_cannot_be_decompressed_is_one_unreadable_record(codec):
    raw = bytearray(batch(*GOOD, codec=codec))
    raw[61:] = b"\x00" * (len(raw) - 61)
    taken, after = fetched(sealed(raw) + batch((b"joe", b"four", ()), base=73))
    assert plainly(taken) == [(72, None, "unreadable"), (73, b"joe", b"four")]
    assert after == 74
    assert taken[0].value.reason.startswith("the records 70 to 72 came as a batch that")


@pytest.mark.parametrize("codec", [GZIP, LZ4, ZSTD])
def test_a_batch_that_is_made_to_fill_the_memory_is_one_unreadable_record(codec):
    bomb = batch((b"a", bytes(UNPACKED_BYTES_MAX), ()), codec=codec)
    assert len(bomb) < UNPACKED_BYTES_MAX / 200
    tracemalloc.start()
    taken, _after = fetched(bomb)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert plainly(taken) == [(70, None, "unreadable")]
    assert "67,108,864 bytes" in taken[0].value.reason
    assert most < 4 * UNPACKED_BYTES_MAX


def test_a_block_of_snappy_that_says_it_is_huge_is_not_believed():
    raw = cramjam.snappy.compress_raw(bytes(2000))
    with pytest.raises(UnpackingError, match="larger than 1,000 bytes"):
        unpack(SNAPPY, bytes(raw), 1000)
    assert unpack(SNAPPY, bytes(raw), 2000) == bytes(2000)


def test_what_is_as_large_as_it_may_be_is_decompressed():
    for codec, raw in (
        (GZIP, cramjam.gzip.compress(bytes(5000))),
        (LZ4, cramjam.lz4.compress(bytes(5000))),
        (ZSTD, cramjam.zstd.compress(bytes(5000))),
    ):
        assert unpack(codec, bytes(raw), 5000) == bytes(5000)
        with pytest.raises(UnpackingError):
            unpack(codec, bytes(raw), 4999)


def test_a_large_batch_is_read_too_but_for_records_that_are_too_large():
    many = [(b"ann", bytes(RECORD_BYTES_MAX), [("a", b"b")] * HEADERS_MAX)] * 5
    raw = batch(
        *many,
        (b"bob", b"two", [("", None)] * (HEADERS_MAX + 1)),
        (b"eve", bytes(RECORD_BYTES_MAX + 1), ()),
        (b"joe", b"four", ()),
        codec=ZSTD,
    )
    taken, after = fetched(raw)
    assert plainly(taken) == [
        *((BASE + index, b"ann", bytes(RECORD_BYTES_MAX)) for index in range(5)),
        (75, None, "unreadable"),
        (76, None, "unreadable"),
        (77, b"joe", b"four"),
    ]
    assert after == 78


def test_batches_that_come_to_more_than_one_may_are_taken_in_several_fetches():
    one = [(b"ann", bytes(RECORD_BYTES_MAX), ())] * 40
    raw = b"".join(batch(*one, codec=ZSTD, base=base) for base in (70, 110, 150))
    taken, after = fetched(raw)
    assert (len(taken), after) == (80, 150)
    taken, after = fetched(raw[len(raw) // 3 * 2 :], start=150)
    assert (len(taken), after) == (40, 190)


@given(st.binary(max_size=300), st.integers(1, 5), st.integers(0, 4))
def test_whatever_stands_in_a_batch_it_is_taken_to_its_end(body, count, codec):
    head = bytearray(batch(*[(None, None, ())] * count))[:61]
    head[21:23] = codec.to_bytes(2, "big")
    taken, after = fetched(sealed(head + bytearray(body)))
    offsets = [it.offset for it in taken]
    assert all(one < other for one, other in pairwise(offsets))
    assert set(offsets) <= set(range(BASE, BASE + count))
    assert after == BASE + count
