"""Files that are spoilt, and what is counted of it."""

from prometheus_client import REGISTRY


def counted(name, **labels):
    return REGISTRY.get_sample_value(f"xp_{name}_total", labels) or 0


def spoil(file, at=0.5):
    raw = bytearray(file.read_bytes())
    raw[int(len(raw) * at)] ^= 0xFF
    file.write_bytes(raw)


def largest(path):
    return max(path.glob("*.sst"), key=lambda it: it.stat().st_size)
