"""Decompress a record batch, up to a bound: a few bytes may say that they are many gigabytes."""

import zlib
from mmap import mmap
from struct import unpack_from
from typing import Any, Final

import cramjam
from aiokafka.codec import snappy_decode

# Of one batch. A topic takes a batch of 1 MiB as it comes, however much it is made of.
UNPACKED_BYTES_MAX: Final = 64 * 1024 * 1024

# What attributes of a batch say of its codec.
CODEC_MASK: Final = 0x07
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
# What zlib calls a gzip stream with its header.
_GZIP_BITS: Final = 31
_XERIAL: Final = b"\x82SNAPPY\0"
_XERIAL_HEADER_BYTES: Final = 16


class UnpackingError(ValueError):
    """The bytes of a batch cannot be decompressed, or are more than any batch may have."""


def unpack(codec: int, packed: bytes, bytes_max: int = UNPACKED_BYTES_MAX) -> bytes:
    """Return what was compressed by a codec, as a batch names it. Raises UnpackingError."""
    try:
        if codec == _GZIP:
            return _gunzip(packed, bytes_max)
        if codec == _SNAPPY:
            return _unsnap(packed, bytes_max)
        if codec == _LZ4:
            return _into(cramjam.lz4, packed, bytes_max)
        if codec == _ZSTD:
            return _into(cramjam.zstd, packed, bytes_max)
    except UnpackingError:
        raise
    except Exception as error:
        # Each codec has errors of its own, and damaged bytes bring about any of them.
        raise UnpackingError(f"cannot be decompressed: {error}") from error
    raise UnpackingError(f"there is no codec {codec}")


def _too_large(bytes_max: int) -> UnpackingError:
    return UnpackingError(f"is larger than {bytes_max:,} bytes, decompressed")


def _gunzip(packed: bytes, bytes_max: int) -> bytes:
    parts, room = [], bytes_max
    while packed:
        stream = zlib.decompressobj(wbits=_GZIP_BITS)
        # One byte more tells whether there is more.
        parts.append(stream.decompress(packed, room + 1))
        room -= len(parts[-1])
        if room < 0:
            raise _too_large(bytes_max)
        if not stream.eof:
            raise UnpackingError("cannot be decompressed: it ends too early")
        packed = stream.unused_data
    return b"".join(parts)


def _unsnap(packed: bytes, bytes_max: int) -> bytes:
    # Each block says at its beginning how long it is.
    total = 0
    if packed.startswith(_XERIAL):
        at = _XERIAL_HEADER_BYTES
        while at < len(packed):
            (size,) = unpack_from("!i", packed, at)
            if size < 0:
                raise UnpackingError("cannot be decompressed: a block of a negative size")
            total += cramjam.snappy.decompress_raw_len(packed[at + 4 : at + 4 + size])
            at += 4 + size
    else:
        total = cramjam.snappy.decompress_raw_len(packed)
    if total > bytes_max:
        raise _too_large(bytes_max)
    unpacked: bytes = snappy_decode(packed)
    return unpacked


def _into(codec: Any, packed: bytes, bytes_max: int) -> bytes:  # noqa: ANN401  a module of cramjam
    # Pages of it cost something only once they are written to.
    with mmap(-1, bytes_max) as room:
        try:
            size: int = codec.decompress_into(packed, room)
        except cramjam.DecompressionError as error:
            # It says no more than that: damaged, or too large.
            raise UnpackingError(f"{_too_large(bytes_max)}, or damaged: {error}") from error
        return room[:size]
