"""How a producer or a consumer connects, in the words of its client: aiokafka, Java, librdkafka.

Never the credentials of the parts: with those one may do everything.
"""

import json
from collections.abc import Mapping
from typing import Final, Literal, assert_never

from broker.connection import Connection
from ops.settings import Settings

Format = Literal["aiokafka", "properties", "kcat"]

# Of the Java client's settings, JAAS's name for a login.
_LOGIN_MODULES: Final = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
YOURS: Final = "..."


def client_config(settings: Settings, form: Format) -> str:
    """Return the settings of a client, as a file of its own kind, without an end of line.

    Of the embedded Kafka with the user that clients have; of another one user and password are left
    open, as the parts' are nobody else's. Raises SettingsError where no Kafka is known.
    """
    connection = settings.clients_connection()
    match form:
        case "aiokafka":
            return json.dumps(_aiokafka(connection), indent=2)
        case "properties":
            return _lines(_java(connection))
        case "kcat":
            return _lines(_librdkafka(connection))
        case _:
            assert_never(form)


def _aiokafka(connection: Connection) -> dict[str, str]:
    options = {"bootstrap_servers": connection.bootstrap, "security_protocol": connection.protocol}
    if connection.protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": connection.mechanism,
            "sasl_plain_username": connection.user or YOURS,
            "sasl_plain_password": connection.password or YOURS,
        }
    return options


def _java(connection: Connection) -> dict[str, str]:
    options = _common(connection)
    if connection.protocol.startswith("SASL"):
        user, password = (_quoted(it or YOURS) for it in (connection.user, connection.password))
        module = _LOGIN_MODULES[connection.mechanism]
        options["sasl.mechanism"] = connection.mechanism
        options["sasl.jaas.config"] = f"{module} required username={user} password={password};"
    return options


def _librdkafka(connection: Connection) -> dict[str, str]:
    options = _common(connection)
    if connection.protocol.startswith("SASL"):
        options["sasl.mechanism"] = connection.mechanism
        options["sasl.username"] = connection.user or YOURS
        options["sasl.password"] = connection.password or YOURS
    return options


def _common(connection: Connection) -> dict[str, str]:
    return {
        "bootstrap.servers": connection.bootstrap,
        "security.protocol": connection.protocol,
    }


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _lines(options: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in options.items())
