"""The proxy that stands for a bad network in `make faults`, against an echo server."""

import contextlib
import errno
import socket
import threading
import time

import pytest
from faults.proxy import Proxy

from ops.embedded.ports import choose_port

PATIENCE_S = 30.0


@pytest.fixture
def echo():
    """A server that says everything back; the port it listens on."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def proxy(echo, tmp_path):
    proxy = started(tmp_path / "port")
    proxy.lead_to(echo)
    yield proxy
    proxy.stop()


def started(file):
    """Start a proxy; a port that was free may be somebody else's by then."""
    while True:
        try:
            return Proxy(choose_port("proxy", file, None)).start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise


@contextlib.contextmanager
def connected(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as connection:
        yield connection


def says_nothing(connection):
    """Tell whether nothing is received for a while."""
    connection.settimeout(0.2)
    try:
        connection.recv(4)
    except TimeoutError:
        return True
    else:
        return False
    finally:
        connection.settimeout(PATIENCE_S)


def said_back(connection, data):
    connection.sendall(data)
    return received(connection, len(data))


def received(connection, size):
    got = b""
    while len(got) < size and (data := connection.recv(size - len(got))):
        got += data
    return got


def test_a_good_network_carries_a_megabyte_unchanged(proxy):
    data = bytes(range(256)) * 4096
    with connected(proxy) as connection:
        sending = threading.Thread(target=connection.sendall, args=(data,))
        sending.start()
        assert received(connection, len(data)) == data
        sending.join()


def test_a_slow_network_keeps_the_order_and_takes_its_time(proxy):
    with connected(proxy) as connection:
        proxy.become("delay", delay_s=0.4, jitter_s=0.3)
        started = time.monotonic()
        for number in range(30):
            connection.sendall(b"%02d" % number)
            time.sleep(0.005)
        assert received(connection, 60) == b"".join(b"%02d" % number for number in range(30))
        # There and back; and 30 chunks did not queue for each other, which would take 24 seconds.
        assert 0.2 <= time.monotonic() - started < 12


def test_what_is_held_comes_through_afterwards(proxy):
    with connected(proxy) as connection:
        proxy.become("hold")
        connection.sendall(b"held")
        assert says_nothing(connection)
        proxy.become("pass")
        assert received(connection, 4) == b"held"


def test_half_open_says_nothing_until_it_is_over_and_then_resets(proxy):
    with connected(proxy) as connection, connected(proxy) as idle:
        assert said_back(connection, b"well") == said_back(idle, b"well")
        proxy.become("hang")
        connection.sendall(b"lost")
        assert says_nothing(connection)
        proxy.become("pass")
        with pytest.raises(ConnectionResetError):
            connection.recv(4)
        # Nothing of this one was lost.
        assert said_back(idle, b"fine") == b"fine"


def test_an_answer_is_torn_by_a_reset(proxy):
    with connected(proxy) as connection:
        assert said_back(connection, b"well") == b"well"
        proxy.become("reset")
        connection.sendall(b"x" * 10_000)
        with pytest.raises(ConnectionResetError):
            received(connection, 10_000)
    proxy.become("pass")
    with connected(proxy) as connection:
        assert said_back(connection, b"well") == b"well"


def test_dropped_connections_end_in_good_order_and_new_ones_at_once(proxy):
    with connected(proxy) as connection:
        assert said_back(connection, b"well") == b"well"
        proxy.become("drop")
        assert connection.recv(1) == b""
    with connected(proxy) as connection:
        assert connection.recv(1) == b""
    proxy.become("pass")
    with connected(proxy) as connection:
        assert said_back(connection, b"well") == b"well"


def test_a_refusing_network_is_a_port_where_nobody_listens(proxy):
    with connected(proxy) as connection:
        assert said_back(connection, b"well") == b"well"
        proxy.become("refuse")
        assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S)
    proxy.become("pass")
    with connected(proxy) as connection:
        assert said_back(connection, b"well") == b"well"


def test_one_end_that_closes_ends_the_other(proxy):
    with connected(proxy) as connection:
        assert said_back(connection, b"well") == b"well"
        assert proxy.open == 1
    deadline = time.monotonic() + PATIENCE_S
    while proxy.open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert proxy.open == 0


def test_a_server_that_is_away_resets_the_client(proxy, tmp_path):
    proxy.lead_to(choose_port("nobody", tmp_path / "nobody", None))
    # While connecting or right afterwards, as it happens.
    with pytest.raises(ConnectionResetError), connected(proxy) as connection:
        connection.recv(1)
