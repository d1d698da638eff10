"""How a Kafka cluster is reached: addresses, TLS, SASL. Given to every client the same way.

And the secret by which our own parts know each other on it.
"""

import asyncio
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer

from broker import fetched
from broker.patience import let_rest
from schemas.signing import Secrets, Signer

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class Connection:
    """One cluster and the credentials for it."""

    # host:port, several separated by commas.
    bootstrap: str
    protocol: SecurityProtocol = "PLAINTEXT"
    mechanism: SaslMechanism = "PLAIN"
    user: str | None = None
    # In no log, whatever is logged of a connection.
    password: str | None = field(default=None, repr=False)
    # Paths to PEM files: authorities to trust (the system's when None), and a client certificate.
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    # With what our own parts sign what only they may say; None: nothing is signed, nor checked.
    secrets: Secrets | None = None

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, None where the protocol has no TLS."""
        if "SSL" not in self.protocol.replace("SASL", ""):
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context

    def signer(self, topic: str) -> Signer | None:
        """Return what signs and checks the records of the events topic, None where nobody does."""
        return None if self.secrets is None else Signer(self.secrets, topic)

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments that every aiokafka client takes."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.protocol,
            "ssl_context": self.ssl_context(),
        }
        if self.protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.user
            options["sasl_plain_password"] = self.password
        return options


async def start_consumer(consumer: AIOKafkaConsumer) -> None:
    """Start a consumer that belongs to no group. Raises KafkaConnectionError.

    One that is not started, for whatever reason, is stopped again: its connections are closed.
    """
    fetched.install()
    starting = asyncio.ensure_future(consumer.start())
    try:
        # Not cancelled half-way, which would leave a socket behind.
        await asyncio.shield(starting)
        # Its coordinator's task is cancelled and awaited by `stop`; if the task has not had its
        # first turn by then, the cancellation comes out of `stop` as if the caller had been
        # cancelled.
        await asyncio.sleep(0)
        let_rest(consumer)
    except BaseException:
        await asyncio.gather(starting, return_exceptions=True)
        await stop_consumer(consumer)
        raise


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, to the end: a cancellation that comes meanwhile is raised afterwards."""
    await end_whole(consumer.stop())


async def end_whole(ending: Coroutine[Any, Any, None]) -> None:
    """Have a client of aiokafka end; a cancellation that comes meanwhile is raised afterwards.

    Waiting in the caller's own task would lose it: aiokafka takes any cancellation that reaches
    its `stop` or `close` for that of the tasks that it ends itself.
    """
    task = asyncio.ensure_future(ending)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    if not task.cancelled():
        task.result()
