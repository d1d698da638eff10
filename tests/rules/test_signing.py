"""What only our own parts may say is signed: over all that it says, and where."""

import itertools

import pytest

from schemas.signing import Secrets, Signer, signed, type_of

SECRET, OTHER = "s" * 32, "o" * 32
TOPIC = "xp.events"
VALUE = b'{"type":"adjustment","user":"ann","system":"xp","points":1000000000000,"reason":"x"}'
FORWARDED = {"xp-forwarded": b"0-7-1", "xp-time": b"1772452800000"}


@pytest.fixture
def signer():
    return Signer(Secrets(SECRET), TOPIC)


def test_what_is_signed_is_known_again(signer):
    name, mac = signer.header(3, b"ann", VALUE, {})
    assert (name, len(mac)) == ("xp-mac", 64)
    assert signer.has_signed(3, b"ann", VALUE, {name: mac})
    # What is none of its business may be there or not.
    assert signer.has_signed(3, b"ann", VALUE, {name: mac, "xp-origin": b"http"})


def records():
    """Return records that are not the same, each another in one way."""
    yield TOPIC, 3, b"ann", VALUE, {}
    yield "xp2.events", 3, b"ann", VALUE, {}
    yield TOPIC, 4, b"ann", VALUE, {}
    yield TOPIC, 3, b"bob", VALUE, {}
    yield TOPIC, 3, b"", VALUE, {}
    yield TOPIC, 3, None, VALUE, {}
    yield TOPIC, 3, b"ann", VALUE.replace(b"ann", b"bob"), {}
    yield TOPIC, 3, b"ann", VALUE.replace(b"adjustment", b"correction"), {}
    yield TOPIC, 3, b"ann", VALUE + b" ", {}
    yield TOPIC, 3, b"ann", VALUE, FORWARDED
    yield TOPIC, 3, b"ann", VALUE, {**FORWARDED, "xp-forwarded": b"0-7-2"}
    yield TOPIC, 3, b"ann", VALUE, {**FORWARDED, "xp-time": b"0"}
    yield TOPIC, 3, b"ann", VALUE, {"xp-time": b"0-7-1"}
    yield TOPIC, 3, b"ann", VALUE, {"xp-forwarded": b"0-7-1"}


def test_a_signature_is_of_one_record_and_of_no_other():
    macs = []
    for topic, partition, key, value, headers in records():
        made = Signer(Secrets(SECRET), topic)
        macs.append(made.header(partition, key, value, headers)[1])
    assert len(set(macs)) == len(macs)
    for mac, record in itertools.product(macs, enumerate(records())):
        index, (topic, partition, key, value, headers) = record
        made = Signer(Secrets(SECRET), topic)
        known = made.has_signed(partition, key, value, {**headers, "xp-mac": mac})
        assert known == (mac == macs[index])


@pytest.mark.parametrize("mac", [None, b"", b"0" * 64, b"\xff", b"x" * 10_000])
def test_what_is_not_signed_is_not_known(signer, mac):
    headers = {} if mac is None else {"xp-mac": mac}
    assert not signer.has_signed(3, b"ann", VALUE, headers)
    assert not signer.has_signed(3, b"ann", VALUE, {"xp-mac": None})
    upper = signer.header(3, b"ann", VALUE, {})[1].upper()
    assert not signer.has_signed(3, b"ann", VALUE, {"xp-mac": upper})


def test_while_the_secret_is_changed_both_are_known():
    first = signed(Signer(Secrets(SECRET), TOPIC), 0, None, VALUE)
    then = Signer(Secrets(OTHER, other=SECRET), TOPIC)
    assert then.has_signed(0, None, VALUE, dict(first))
    assert then.has_signed(0, None, VALUE, dict([then.header(0, None, VALUE, {})]))
    assert then.header(0, None, VALUE, {}) == Signer(Secrets(OTHER), TOPIC).header(
        0, None, VALUE, {}
    )
    assert not Signer(Secrets(OTHER), TOPIC).has_signed(0, None, VALUE, dict(first))


def test_the_headers_of_a_record_come_with_its_signature(signer):
    assert signed(signer, 1, b"k", VALUE, FORWARDED) == [
        *FORWARDED.items(),
        signer.header(1, b"k", VALUE, FORWARDED),
    ]
    assert signed(None, 1, b"k", VALUE, FORWARDED) == list(FORWARDED.items())


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (VALUE, "adjustment"),
        (b'{"user":"ann","metric":"x"}', "metric"),
        (b'{"type":"due","type":"hold"}', "hold"),
        (b'{"type":1}', ""),
        (b"", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_the_type_of_an_input_is_what_it_says(value, kind):
    assert type_of(value) == kind


def test_no_secret_is_printed():
    assert SECRET not in repr(Secrets(SECRET, other=OTHER))
    assert OTHER not in repr(Secrets(SECRET, other=OTHER))
