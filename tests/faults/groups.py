"""What operators and tools do to consumer groups and topics, over the admin protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import NonEmptyGroup, UnknownMemberIdError, for_code
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.protocol.group import LeaveGroupRequest

from broker.connection import Connection

GROUP_WAIT_S: Final = 20.0


@contextlib.asynccontextmanager
async def admin(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client for the length of the block."""
    client = AIOKafkaAdminClient(**connection.options())
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def empty_group(connection: Connection, group: str) -> None:
    """Make the members of a group leave: dead ones would stay until their session ends."""
    async with admin(connection) as client:
        described = await client.describe_consumer_groups([group])
        members = [member for found in described[0].groups for member in found[5]]
        node = await client.find_coordinator(group)
        for member in members:
            await client._send_request_to_node(node, LeaveGroupRequest(group, member[0]))


async def delete_group(connection: Connection, group: str) -> None:
    """Delete a group whose members are gone. Raises aiokafka's errors."""
    async with admin(connection) as client, asyncio.timeout(GROUP_WAIT_S):
        node = await client.find_coordinator(group)
        while True:
            answer = await client._send_request_to_node(node, DeleteGroupsRequest([group]))
            error = for_code(answer.results[0][1])
            if error is not NonEmptyGroup:
                break
            await asyncio.sleep(0.3)
        if answer.results[0][1]:
            raise error(group)


async def set_offsets(
    connection: Connection, group: str, offsets: Mapping[tuple[str, int], int]
) -> None:
    """Commit offsets for a group whose members are gone, as a tool does: without metadata."""
    consumer = AIOKafkaConsumer(**connection.options(), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        places = {TopicPartition(*place): offset for place, offset in offsets.items()}
        consumer.assign(list(places))
        async with asyncio.timeout(GROUP_WAIT_S):
            while True:
                try:
                    await consumer.commit(places)
                except UnknownMemberIdError:
                    # Somebody is still a member.
                    await asyncio.sleep(0.3)
                else:
                    return
    finally:
        await consumer.stop()


async def offsets_of(connection: Connection, group: str) -> dict[tuple[str, int], int]:
    """Return what a group has committed."""
    async with admin(connection) as client:
        found = await client.list_consumer_group_offsets(group)
        return {(tp.topic, tp.partition): it.offset for tp, it in found.items()}


async def delete_records(connection: Connection, topic: str, before: Mapping[int, int]) -> None:
    """Remove what lies before an offset, by partition, as retention does."""
    async with admin(connection) as client:
        await client.delete_records(
            {
                TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)
                for partition, offset in before.items()
            }
        )
