"""Pictures for agents to look at: noise, which no encoder can make smaller."""

import random
import struct
import zlib


def noise(width: int, height: int) -> bytes:
    """A PNG of that size whose pixels are noise, the same on each call."""
    source = random.Random(7)
    rows = b"".join(b"\0" + source.randbytes(3 * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(name, data) for name, data in parts)


def _part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
