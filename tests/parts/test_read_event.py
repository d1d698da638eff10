"""A body of the common form is read at once, to the same as careful reading makes of it."""

import pytest
from plumbing.test_event_route import BAD, GOOD

from gateway.application.events import _read_carefully, _read_common
from gateway.http.errors import ApiError
from schemas.inputs.reading import read_input

KEYS = [None, "k1", 'a"b\\c', "é", "", "x" * 256, "\0"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("body", [*GOOD, *BAD])
def test_what_is_read_at_once_is_what_careful_reading_makes(body, key):
    given = (body.encode(), "commits", "acme", key)
    at_once = _read_common(*given)
    if at_once is None:
        return
    event, value = at_once
    careful, _ = _read_carefully(*given)
    assert event == careful == read_input(value)
    assert (event.tenant, event.metric, event.idempotencyKey) == ("acme", "commits", key)


def test_what_most_clients_send_is_read_at_once():
    assert _read_common(GOOD[0].encode(), "commits", "acme", "k1") is not None


@pytest.mark.parametrize("name", ["tenant", "metric", "idempotencyKey", "type"])
def test_what_a_request_says_elsewhere_may_not_be_in_its_body(name):
    body = b'{"user":{"id":"u"},"value":1,"%b":"metric"}' % name.encode()
    assert _read_common(body, "metric", "metric", "metric") is None
    with pytest.raises(ApiError, match=f"{name}: unknown field"):
        _read_carefully(body, "metric", "metric", "metric")
