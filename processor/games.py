"""Compiled definitions by tenant and version, following their topic: the lanes' one source."""

from broker.definitions import DefinitionsReader
from processor.rules.game import Game, compile_version
from schemas.versions import Version


class Games:
    """Compiles each version once."""

    def __init__(self, reader: DefinitionsReader) -> None:
        """Take the reader; it has been entered."""
        self._reader = reader
        self._games: dict[tuple[str, int], Game] = {}

    @property
    def epoch(self) -> int:
        """The epoch of source positions in force."""
        return self._reader.epoch

    def get(self, tenant: str, version: int) -> Game | None:
        """Return a version's game, None if it has not been read."""
        game = self._games.get((tenant, version))
        if game is None:
            found = self._reader.get(tenant, version)
            if found is None:
                return None
            game = compile_version(found)
            self._games[(tenant, version)] = game
        return game

    def version(self, tenant: str, version: int) -> Version | None:
        """Return a version as it was written, None if it has not been read."""
        return self._reader.get(tenant, version)

    async def refresh(self) -> None:
        """Read what has come since."""
        await self._reader.refresh()

    async def wait_for(self, tenant: str, version: int) -> None:
        """Wait until a version has been read."""
        await self._reader.wait_for(tenant, version)
