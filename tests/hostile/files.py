"""Definition files as somebody would write them who wants to do harm. All follows from `Random`.

Most are small, so that many can be tried; some are as large as a file may be, or larger.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from wild import EVERYTHING, PATHS, changed

from ops.game_yaml import BYTES_MAX

ROOT: Final = Path(__file__).resolve().parents[2]
# What is bent: games as people write them, and as programs do.
GAMES: Final = (
    *(path.read_bytes() for path in sorted((ROOT / "examples").glob("*.yaml"))),
    json.dumps(EVERYTHING, indent=1).encode(),
    json.dumps(EVERYTHING).encode(),
)
# What means something to YAML, to JSON, or to a reader of numbers, dates and texts.
TOKENS: Final = (
    *("[", "]", "{", "}", ": ", ", ", "- ", "? ", "| ", "> ", "# ", "%", "@", "`", '"', "'", "\\"),
    *("&a ", "*a", "<<: ", "<<: *a", "!!set ", "!!python/object:os.system ", "!a ", "!<x> ", "---"),
    *("...", "\n", "\n  ", "\t", "\r", "\0", "\x7f", "\x85", "\u2028", "\ufeff", "\U0010ffff"),
    *("~", "null", "true", "no", "0x1f", "010", "1_000", "1:30", ".inf", "-.INF", ".nan", "1e3"),
    *("1e999999999", "1e-999999999", "9" * 99, "9" * 101, "9" * 5000, "0." + "3" * 99),
    *("2026-02-30", "0001-01-01", '"\\ud800"', '"\\0"', '"\\x41"', '""', "archived: true"),
)
ALPHABET: Final = "[]{}:,-&*!|>'\"#%@`?<= \n\ta10.eE_~"


def hostile_file(random: Random, bytes_max: int = BYTES_MAX + 2) -> bytes:
    """Return the bytes of a file, at most so many."""
    make = random.choice((_junk, _bent, _bent, _bent, _bent, _misplaced, _misplaced, _huge))
    return make(random, _size(random, bytes_max))[:bytes_max]


def _size(random: Random, most: int) -> int:
    # As many of ten bytes as of a hundred or a thousand, and few of the largest.
    return int(math.exp(random.random() ** 2 * math.log(most)))


def _junk(random: Random, size: int) -> bytes:
    if random.random() < 0.3:
        return random.randbytes(min(size, 10_000))
    return "".join(random.choices(ALPHABET, k=min(size, 100_000))).encode()


def _bent(random: Random, size: int) -> bytes:
    raw = random.choice(GAMES)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(raw) + 1)
        to = min(len(raw), at + random.choice((0, 1, 3, 10, 100, 1000)))
        token = random.choice(TOKENS).encode("utf-8", "surrogatepass")
        match random.randrange(6):
            case 0:
                raw = raw[:at] + raw[to:]
            case 1:
                raw = raw[:to] + raw[at:to] * random.randint(1, 3) + raw[to:]
            case 2:
                raw = raw[:at] + token + raw[to:]
            case 3:
                raw = raw[:at] + token + raw[at:]
            case 4:
                raw = raw[:at] + token * min(random.randint(1, 100), size) + raw[at:]
            case _:
                raw = raw[:at] + random.randbytes(random.randint(1, 4)) + raw[to:]
    return raw


def _misplaced(random: Random, size: int) -> bytes:
    """Return a game with something of any kind in the place of something else."""
    text = json.dumps(changed(random.choice(PATHS), "@"), indent=random.choice((None, 1)))
    snippet = _huge(random, min(size, 50_000)) if random.random() < 0.5 else _junk(random, 12)
    return text.encode().replace(b'"@"', snippet)


def _huge(random: Random, size: int) -> bytes:
    """Return much of one thing, or of one thing in another."""
    return random.choice(HUGE)(size).encode()


def _bomb(size: int) -> str:
    links = min(size, 12)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{it}: &a{it} [{', '.join([f'*a{it - 1}'] * 9)}]" for it in range(1, links)]
    return "\n".join(lines)


def _chain(size: int) -> str:
    return "x0: &x0 [a]\n" + "".join(f"x{it}: &x{it} [*x{it - 1}]\n" for it in range(1, size // 16))


def _circle(size: int) -> str:
    # The parts of each are those after it, and behind the last the first.
    count = max(2, math.isqrt(size // 4))
    items = (
        f"{{key: a{it}, name: n, trigger: achievement, "
        f"achievements: [{','.join(f'a{(it + step) % count}' for step in range(1, count))}]}}"
        for it in range(count)
    )
    return f"achievements: [{', '.join(items)}]"


def _many(item: str, head: str) -> Callable[[int], str]:
    return lambda size: (
        head + "".join(f"\n- {item.replace('#', str(it))}" for it in range(size // (len(item) + 6)))
    )


HUGE: Final[tuple[Callable[[int], str], ...]] = (
    _bomb,
    _chain,
    _circle,
    lambda _: "metrics: &m [*m]",
    lambda _: "&m\nmetrics: *m",
    lambda size: "[" * size,
    lambda size: "[" * (size // 2) + "]" * (size // 2),
    lambda size: "{a: " * (size // 4),
    lambda size: '{"a":' * (size // 6) + "1" + "}" * (size // 6),
    lambda size: "? " * (size // 2),
    lambda size: "- " * (size // 2),
    lambda size: "\n".join(f"{' ' * it}a:" for it in range(math.isqrt(size))),
    lambda size: "[\n" * (size // 2),
    lambda size: f"[{'a,' * (size // 2)}]",
    lambda size: f"[{'a: b,' * (size // 5)}]",
    lambda size: f"[{'[],' * (size // 3)}]",
    lambda size: "".join(f"k{it}: 1\n" for it in range(size // 8)),
    lambda size: "a: 1\n" * (size // 5),
    lambda size: "".join(f"%TAG !{it}! x\n" for it in range(size // 14)),
    lambda size: "%YAML 1.1\n" * (size // 10),
    lambda size: "--- a\n" * (size // 6),
    lambda size: "...\n" * (size // 4),
    lambda size: "# a\n" * (size // 4),
    lambda size: "a: " + "9" * size,
    lambda size: "a: " + "x " * (size // 2),
    lambda size: 'a: "' + "\\x41" * (size // 4) + '"',
    lambda size: 'a: "' + "\n" * size + '"',
    lambda size: "a: |\n" + " x\n" * (size // 3),
    lambda size: "!" + "a" * size + " 1",
    lambda size: "&" + "a" * size + " 1",
    lambda size: "a" * size + ": 1",
    lambda size: " " * size,
    lambda size: "\ufeff" * (size // 3),
    lambda size: f"streak: {{metrics: [{'{metric: m, threshold: 1e999999999},' * (size // 36)}]}}",
    _many("{}", "metrics:"),
    _many("{key: k#, name: n}", "metrics:"),
    _many("{key: k, name: n}", "metrics:"),
    _many("{trigger: [[x]]}", "achievements:"),
    _many("{key: a#, name: n, trigger: metric, metric: m, metricValue: 1}", "achievements:"),
    _many(
        "{key: a#, name: n, trigger: metric, metric: m, metricValue: 1, eventAttributes: {a: x#}}",
        "metrics: [{key: m, name: m}]\nachievements:",
    ),
    _many("{key: k#, name: n, levels: [{key: a, name: a, points: 1}]}", "points:"),
    _many("{key: k, type: user, name: n}", "attributes:"),
)
