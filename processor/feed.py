"""What a lane asks of the transport: the seam between the loops and Faust's consumer."""

from typing import Protocol


class Feed(Protocol):
    """Where a lane's messages come from."""

    def start_at(self, topic: str, partition: int, offset: int) -> None:
        """Deliver from this offset on, whatever was delivered before."""

    def pause(self, topic: str, partition: int) -> None:
        """Deliver nothing for now."""

    def resume(self, topic: str, partition: int) -> None:
        """Deliver again."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset that a partition holds, and the one after its last."""

    async def committed(self, topic: str, partition: int) -> tuple[int, str] | None:
        """Return the group's committed offset and its metadata, None if there is none."""

    def hint(self, topic: str, partition: int, offset: int, metadata: str = "") -> None:
        """Commit this offset with its metadata, some time soon."""
