"""Settings: flags, XP_… variables and a file, in this order of precedence. Nothing else reads them.

Each is validated here, and printed with its secrets masked.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import psycopg
from platformdirs import user_cache_path
from psycopg.conninfo import conninfo_to_dict
from pydantic import AwareDatetime, Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from broker.connection import Connection, SaslMechanism, SecurityProtocol
from ops.addresses import PORT_MAX, is_address, mask, plain, url_of
from ops.parts_secret import secrets_of, unknown
from ops.running import FILE as RUNNING_FILE
from ops.running import Running, read_running
from ops.settings_file import SettingsError, SettingsFile
from schemas.signing import SECRET_LENGTH_MIN, Secrets
from schemas.topics import Topics

Port = Annotated[int, Field(ge=1, le=PORT_MAX)]
SharedSecret = Annotated[SecretStr, Field(min_length=SECRET_LENGTH_MIN)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Settings(BaseSettings):
    """What a person may set. Every field is the variable XP_<FIELD> as well."""

    model_config = SettingsConfigDict(env_prefix="XP_", extra="ignore", frozen=True)
    file: ClassVar[SettingsFile | None] = None

    data_dir: Path = Field(
        Path(".xp"), description="where the embedded stack and workers keep data"
    )
    snapshot_dir: Path | None = Field(
        None,
        description="where workers leave snapshots for each other: on shared storage when they "
        "run on several machines; none: in data_dir",
    )
    snapshot_every_s: Seconds = Field(300.0, description="how often a snapshot is left")
    key_window_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        None,
        description="days for which a used idempotency key counts; none: for ever. The same for "
        "all workers",
    )
    cache_dir: Path = Field(
        user_cache_path("xpledger"), description="where the broker's jars are kept once fetched"
    )

    kafka: str | None = Field(None, description="host:port,… of a Kafka; none: the embedded one")
    kafka_port: Port | None = Field(
        None, description="port of the embedded Kafka; none: a free one"
    )
    kafka_protocol: SecurityProtocol = Field("PLAINTEXT", description="how to talk to Kafka")
    kafka_mechanism: SaslMechanism = Field("PLAIN", description="SASL mechanism")
    kafka_user: str | None = Field(None, description="SASL user")
    kafka_password: SecretStr | None = Field(None, description="SASL password")
    kafka_ca_file: str | None = Field(None, description="PEM file of trusted authorities")
    kafka_cert_file: str | None = Field(None, description="PEM file of a client certificate")
    kafka_key_file: str | None = Field(None, description="PEM file of its key")
    topic_prefix: str = Field("xp.", pattern=r"^[a-zA-Z0-9._-]*$", description="of every topic")
    partitions: Annotated[int, Field(ge=1, le=1024)] = Field(
        8, description="partitions of events and ledger, when they are created"
    )
    replication: Annotated[int, Field(ge=1, le=32767)] | None = Field(
        None, description="replicas of a topic, when it is created; none: 3, or one per broker"
    )

    postgres: SecretStr | None = Field(
        None, description="DSN of a Postgres; none: the embedded one"
    )
    postgres_port: Port | None = Field(
        None, description="port of the embedded Postgres; none: a free one"
    )

    parts_secret: SharedSecret | None = Field(
        None,
        description="what the parts sign with what only they may say, at least 32 characters; "
        "none: that of data_dir, which xp up makes",
    )
    parts_secret_before: SharedSecret | None = Field(
        None, description="another one that workers take as well, while the secret is changed"
    )
    parts_unsigned_until: AwareDatetime | None = Field(
        None,
        description="what was appended before needs no signature, for an upgrade from a release "
        "that does not sign; none: what was appended before the secret of data_dir was made",
    )

    leave_on_stop: bool = Field(
        default=True,
        description="a worker that is stopped gives its partitions to others at once; false: it "
        "is expected back within six seconds, as in a rolling restart",
    )
    clock: bool = Field(
        default=True,
        description="a worker publishes what time itself brings about; false: it does not, and "
        "a later one catches up",
    )

    host: str = Field("127.0.0.1", description="address that the gateway listens on")
    port: Port = Field(8000, description="port that the gateway listens on")
    connections_max: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        5000,
        description="connections of clients at once; fewer where the process may not open as "
        "many files",
    )
    api_key: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        None, description="the first admin key, at the first start; at least 32 characters"
    )
    verdict_timeout_s: Seconds = Field(5.0, description="how long a POST waits for its verdict")
    lag_limit_s: Seconds = Field(5.0, description="reads this far behind are not ready")

    webhook_schedule_s: tuple[Seconds, ...] = Field(
        (60.0, 120.0, 240.0), description="seconds before each retry of a webhook"
    )
    webhook_timeout_s: Seconds = Field(60.0, description="how long a receiver may take")
    webhook_allow_private: bool = Field(
        default=False, description="may webhooks go to private addresses"
    )

    metrics_host: str = Field(
        "127.0.0.1", description="address on which a part serves metrics, without a key"
    )
    metrics_port: Port | None = Field(
        None, description="port for Prometheus of a part; xp up counts on from it"
    )
    log_format: Literal["console", "json"] = Field("console", description="how logs are written")
    failpoint: str | None = Field(
        None, description="for tests of recovery: die at this point, NAME or NAME:N"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="log level")

    @field_validator("topic_prefix")
    @classmethod
    def _short(cls, prefix: str) -> str:
        if len(prefix) > 200:  # noqa: PLR2004  Kafka's limit is 249 for the whole name
            raise ValueError("must have at most 200 characters")
        return prefix

    @field_validator("kafka")
    @classmethod
    def _addresses(cls, kafka: str | None) -> str | None:
        for address in kafka.split(",") if kafka else ():
            if not is_address(address.strip()):
                raise ValueError("must be host:port, several of them separated by commas")
        return kafka

    @field_validator("postgres")
    @classmethod
    def _dsn(cls, postgres: SecretStr | None) -> SecretStr | None:
        try:
            conninfo_to_dict(plain(postgres) or "")
        except psycopg.ProgrammingError:
            # Not what it says itself: that quotes the DSN, and so the password.
            raise ValueError(
                "must be a DSN, such as postgresql://user:password@host:5432/name"
            ) from None
        return postgres

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if self.kafka_protocol.startswith("SASL") and not (self.kafka_user and self.kafka_password):
            raise ValueError("kafka_user and kafka_password are required with SASL")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rank the sources: flags, variables, file."""
        del dotenv_settings, file_secret_settings
        if cls.file is None:
            return init_settings, env_settings
        return init_settings, env_settings, _FileSource(settings_cls, cls.file.values)

    @property
    def topics(self) -> Topics:
        """The topics under the prefix."""
        return Topics(self.topic_prefix)

    def connection(self) -> Connection:
        """Return how Kafka is reached; SettingsError where none is named or running.

        Raises it for files of TLS that cannot be used, too.
        """
        if self.kafka is None:
            return self._embedded_kafka()
        connection = Connection(
            bootstrap=self.kafka,
            protocol=self.kafka_protocol,
            mechanism=self.kafka_mechanism,
            user=self.kafka_user,
            password=plain(self.kafka_password),
            ca_file=self.kafka_ca_file,
            cert_file=self.kafka_cert_file,
            key_file=self.kafka_key_file,
        )
        try:
            connection.ssl_context()
        except OSError as error:  # ssl.SSLError is one
            files = ("kafka_ca_file", "kafka_cert_file", "kafka_key_file")
            named = [f"{it} {getattr(self, it)}" for it in files if getattr(self, it)]
            raise SettingsError(f"{', '.join(named)}: {error.strerror or error}") from error
        return connection

    def clients_connection(self) -> Connection:
        """Return how producers and consumers reach Kafka: as themselves, never as the parts.

        Of a Kafka that is named nobody here knows who they are. Raises SettingsError as above.
        """
        if self.kafka is None:
            return self._embedded_kafka("kafka_clients")
        return replace(self.connection(), user=None, password=None)

    def publishing_connection(self) -> Connection:
        """Return how Kafka is reached by who sends events: as our own parts if a secret is known.

        Raises SettingsError as `connection` does.
        """
        secrets = self._secrets()
        return replace(self.connection(), secrets=secrets)

    def signing_connection(self) -> Connection:
        """Return how Kafka is reached by what says what only our own parts may say.

        Raises SettingsError as `connection` does, and where no secret is known.
        """
        secrets = self._secrets()
        if secrets is None:
            raise unknown(self.data_dir)
        return replace(self.connection(), secrets=secrets)

    def _secrets(self) -> Secrets | None:
        return secrets_of(
            self.data_dir,
            plain(self.parts_secret),
            plain(self.parts_secret_before),
            self.parts_unsigned_until,
        )

    def dsn(self) -> str:
        """Return how Postgres is reached; SettingsError where none is named or running."""
        return plain(self.postgres) or self._known("postgres", self._running().postgres)

    def gateway(self) -> str:
        """Return the URL of the gateway: of the one that runs here, else where one would listen."""
        return self._running().gateway or url_of(self.host, self.port)

    def _embedded_kafka(
        self, user: Literal["kafka_parts", "kafka_clients"] = "kafka_parts"
    ) -> Connection:
        running = self._running()
        bootstrap, login = self._known("kafka", running.kafka), getattr(running, user)
        return login.connection(bootstrap) if login else Connection(bootstrap)

    def _running(self) -> Running:
        # `xp up` leaves the addresses of what it runs for commands beside it.
        try:
            return read_running(self.data_dir)
        except SettingsError:
            return Running()

    def _known(self, part: str, address: str | None) -> str:
        if address is None:
            raise SettingsError(
                f"no {part} is known: set XP_{part.upper()}, or start the embedded stack with "
                f"`xp up` (looked into {self.data_dir / RUNNING_FILE})"
            )
        return address

    def shown(self) -> dict[str, Any]:
        """Return every setting as it is in force, secrets masked."""
        shown = self.model_dump(mode="json")
        if self.postgres is not None:
            shown["postgres"] = mask(self.postgres.get_secret_value())
        return shown


class _FileSource(InitSettingsSource):
    """What the settings file says: ranked below flags and variables."""
