"""How the stores of one worker use memory and disk: what RocksDB is told, and why."""

from typing import Final

from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, WriteBufferManager

# Blocks that were read lately, of all partitions of a worker, and rows not yet in files.
CACHE_BYTES: Final = 64 * 1024 * 1024
BUFFERS_BYTES: Final = 64 * 1024 * 1024
# Of one partition: what a start has to read back from the write-ahead log at most, twice.
BUFFER_BYTES: Final = 8 * 1024 * 1024
# 10 bits a key let 1 % of the look-ups of unused keys through to the disk.
BLOOM_BITS: Final = 10
# Of a partition's buffer: for the filter of its rows that are not yet in files.
MEMORY_BLOOM_RATIO: Final = 0.05


class Memory:
    """The memory that the stores of one worker share."""

    def __init__(self) -> None:
        """Set it apart; it is taken when it is needed."""
        self.cache = Cache(CACHE_BYTES)
        self.buffers = WriteBufferManager(BUFFERS_BYTES, allow_stall=False)


def options_of(memory: Memory) -> Options:
    """Return what a store is opened with."""
    blocks = BlockBasedOptions()
    blocks.set_block_cache(memory.cache)
    # Filters and indexes stay out of the cache: 1.6 MB per million rows, and a miss costs 0.2 µs.
    blocks.set_bloom_filter(BLOOM_BITS, False)  # noqa: FBT003  the binding takes no keywords
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003  as above
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_manager(memory.buffers)
    options.set_write_buffer_size(BUFFER_BYTES)
    # Keys that were never used are looked up with every event: most are not in memory either.
    options.set_memtable_prefix_bloom_ratio(MEMORY_BLOOM_RATIO)
    options.set_memtable_whole_key_filtering(True)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_level_compaction_dynamic_level_bytes(True)
    options.set_keep_log_file_num(2)
    return options
