"""What `xp up` leaves for commands beside it: where its Kafka, its Postgres and its gateway are.

A file in the data directory, for its owner only, as it has passwords. It is gone when `xp up` is.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from broker.connection import Connection, SaslMechanism
from ops.embedded.ports import replace_text
from ops.settings_file import SettingsError
from schemas.strict import Strict

FILE: Final = "running.json"


class Login(Strict):
    """A user of the embedded Kafka, and the SASL mechanism by which a password is shown."""

    user: str
    password: str
    mechanism: SaslMechanism

    def connection(self, bootstrap: str) -> Connection:
        """Return how the user connects to the broker at an address."""
        return Connection(
            bootstrap, "SASL_PLAINTEXT", self.mechanism, user=self.user, password=self.password
        )


class Running(Strict):
    """What runs; None is what does not, or is named by the settings."""

    # host:port, and how the parts come in; and producers and consumers.
    kafka: str | None = None
    kafka_parts: Login | None = None
    kafka_clients: Login | None = None
    # DSNs: of the owner of the tables, and of who only reads the read models.
    postgres: str | None = None
    postgres_reading: str | None = None
    # A URL.
    gateway: str | None = None


def read_running(data_dir: Path) -> Running:
    """Return what runs on a data directory; SettingsError when that cannot be told."""
    path = data_dir / FILE
    try:
        return Running.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SettingsError(f"nothing runs on {data_dir} (looked into {path})") from error


def leave_running(data_dir: Path, running: Running) -> Path:
    """Write the file, and return its path."""
    path = data_dir / FILE
    said: Mapping[str, object] = running.model_dump(exclude_none=True)
    replace_text(path, json.dumps(said), mode=0o600)
    return path
