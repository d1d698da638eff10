"""Rulesets by tenant and version, following the definitions: the lanes' one source."""

import structlog

from broker.definitions import DefinitionsReader
from processor.messages import UnusableVersionError
from processor.rules.compiling import compile_version
from processor.rules.ruleset import Ruleset
from schemas.codec import UnreadableVersionError
from schemas.text import TenantKey
from schemas.versions import Version

log = structlog.get_logger(__name__)


class Rulesets:
    """Compiles each version once."""

    def __init__(self, reader: DefinitionsReader) -> None:
        """Follow a reader that has been entered."""
        self._reader = reader
        self._rulesets: dict[tuple[TenantKey, int], Ruleset] = {}
        # Why a version cannot be judged by.
        self._unusable: dict[tuple[TenantKey, int], str] = {}

    @property
    def epoch(self) -> int:
        """The epoch of source positions in force."""
        return self._reader.epoch

    def get(self, tenant: TenantKey, version: int) -> Ruleset | None:
        """Return a version's rules, None if it has not been read.

        Raises UnusableVersionError when it cannot be judged by: one tenant's definitions stop
        nobody else's work.
        """
        rules = self._rulesets.get((tenant, version))
        if rules is None:
            found = self._reader.get(tenant, version)
            if found is None:
                self._check(tenant, version)
                return None
            rules = self._compiled(found)
            self._rulesets[(tenant, version)] = rules
        return rules

    def _check(self, tenant: TenantKey, version: int) -> None:
        try:
            self._reader.check(tenant, version)
        except UnreadableVersionError as error:
            raise UnusableVersionError(error.reason) from error

    def _compiled(self, version: Version) -> Ruleset:
        path = (version.tenant, version.version)
        if path not in self._unusable:
            try:
                return compile_version(version)
            except Exception as error:
                self._unusable[path] = repr(error)
                log.exception("ruleset.unusable", tenant=version.tenant, version=version.version)
        raise UnusableVersionError(self._unusable[path])

    def version(self, tenant: TenantKey, version: int) -> Version | None:
        """Return a version as it was written, None if it has not been read."""
        return self._reader.get(tenant, version)

    async def refresh(self) -> None:
        """Read what has come since."""
        await self._reader.refresh()

    async def wait_for(self, tenant: TenantKey, version: int) -> None:
        """Wait until a version has been read. Raises UnusableVersionError if it cannot be."""
        try:
            await self._reader.wait_for(tenant, version)
        except UnreadableVersionError as error:
            raise UnusableVersionError(error.reason) from error
