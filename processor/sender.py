"""What a lane sends besides its records: dead letters, forwarded events, profiles."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaProducer

from processor.pending import Send
from schemas.topics import Topics


class Sender(Protocol):
    """What a lane asks for sending."""

    async def send(self, sends: Sequence[Send]) -> None:
        """Send all, in order, and return once all are acknowledged. Raises a KafkaError."""


class KafkaSender:
    """Sends to the broker."""

    def __init__(self, producer: AIOKafkaProducer, topics: Topics) -> None:
        """Take a started producer."""
        self._producer = producer
        self._names = {
            "dead-letters": topics.dead_letters,
            "events": topics.events,
            "profiles": topics.profiles,
        }

    async def send(self, sends: Sequence[Send]) -> None:
        """See Sender."""
        acknowledged = [
            await self._producer.send(
                self._names[send.to],
                key=send.key,
                value=send.value,
                headers=list(send.headers),
                partition=send.partition,
            )
            for send in sends
        ]
        await asyncio.gather(*acknowledged)
