"""A connection to a broker without a client: to ask before one would, and for what none can.

A broker that starts is asked dozens of times, from any thread, with or without an event loop, and a
client would complain in the log each time. Who may come in is told to the controller by requests
that the client library has not. What the answers mean is the caller's business.
"""

import socket
from io import BytesIO
from typing import Any, Final, Self

from aiokafka.conn import ScramAuthenticator
from aiokafka.protocol.admin import SaslAuthenticateRequest_v1, SaslHandShakeRequest_v1
from aiokafka.protocol.api import RequestStruct

TIMEOUT_S: Final = 2.0
ANSWER_BYTES_MAX: Final = 1 << 20
CLIENT: Final = "xp-probe"


class WireError(OSError):
    """It is no broker, or one that does not let us in."""


class Wire:
    """One connection to a port of the loopback address."""

    def __init__(self, port: int) -> None:
        """Connect. Raises OSError."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        """For a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._answers.close()
        self._socket.close()

    def ask(self, request: RequestStruct) -> Any:  # noqa: ANN401  the library's own answers, a type per request
        """Return the answer to a request. Raises WireError, or another OSError."""
        raw = request.build_request_header(0, CLIENT).encode() + request.encode()
        self._socket.sendall(len(raw).to_bytes(4, "big") + raw)
        size = int.from_bytes(self._read(4), "big", signed=True)
        if not 0 < size <= ANSWER_BYTES_MAX:
            raise WireError("not an answer of a broker")
        answer = BytesIO(self._read(size))
        try:
            request.parse_response_header(answer)
            return request.RESPONSE_TYPE.decode(answer)
        except (ValueError, TypeError, IndexError) as error:
            raise WireError("not an answer of a broker") from error

    def _read(self, count: int) -> bytes:
        raw = self._answers.read(count)
        if len(raw) < count:
            raise WireError("the broker has hung up")
        return raw

    def log_in_plainly(self, user: str, password: str) -> None:
        """Show user and password by SASL/PLAIN. Raises WireError when they are not right."""
        self._begin("PLAIN")
        self._show(f"\0{user}\0{password}".encode())

    def log_in(self, user: str, password: str) -> None:
        """Prove to know a password, and have the broker prove it, by SCRAM-SHA-256.

        Raises WireError when either cannot.
        """
        mechanism = "SCRAM-SHA-256"
        self._begin(mechanism)
        steps = ScramAuthenticator(
            loop=None,
            sasl_plain_username=user,
            sasl_plain_password=password,
            sasl_mechanism=mechanism,
        ).authenticator_scram()
        try:
            said, _ = next(steps)
            while True:
                said, _ = steps.send(self._show(said))
        except StopIteration:
            return
        except (ValueError, KeyError) as error:
            raise WireError("the broker does not know the password") from error

    def _begin(self, mechanism: str) -> None:
        if self.ask(SaslHandShakeRequest_v1(mechanism)).error_code:
            raise WireError(f"the broker does not speak {mechanism}")

    def _show(self, said: bytes) -> bytes:
        answer = self.ask(SaslAuthenticateRequest_v1(said))
        if answer.error_code:
            raise WireError(str(answer.error_message))
        return bytes(answer.sasl_auth_bytes)
