"""Which partition a key belongs to: the one place that says so, as Kafka's own clients do."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


# The hash is pure Python, and the same few keys come again and again.
@lru_cache(maxsize=4096)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition on which Kafka's own clients put a key."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
