"""The chart of figures as SVG: each row as a bar, as far as it has come on its way to its goals.

`python -m benchmarks.chart RESULTS SVG`. One scale for all rows: how many times the goal, by
logarithm, so that a figure that is half as good as wanted lies as far to the left as one that is
twice as good lies to the right. Written by hand, for a chart of bars and lines needs no library.
"""

import argparse
from collections.abc import Mapping
from math import log2
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from benchmarks.results import read
from benchmarks.rows import ROWS, Row
from benchmarks.table import TIMES, shown_value

WIDTH: Final = 960
NAMES: Final = 460
RIGHT: Final = 110
ROW: Final = 26
TOP: Final = 56
# How many times the goal, or one in so many, the scale goes to.
SPAN: Final = 4.0
FONT: Final = "font-family:system-ui,sans-serif;font-size:12px"
COLOURS: Final = {"moonshot": "#2a7a4b", "reached": "#5b9bd5", "missed": "#c96a3b"}
INK: Final = "#555"
PAPER: Final = "#fff"


def chart(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the chart of the rows that have a goal and a figure."""
    rows = [row for row in ROWS if row.reach and "value" in results.get(row.name, {})]
    height = TOP + ROW * len(rows) + 16
    root = Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        style=FONT,
    )
    SubElement(root, "title").text = "Figures against what they have to reach"
    SubElement(root, "rect", width=str(WIDTH), height=str(height), fill=PAPER)
    for factor in (0.25, 0.5, 1.0, 2.0, 4.0):
        x = f"{_x(factor):.1f}"
        line = {"x1": x, "x2": x, "y1": str(TOP - 8), "y2": str(height - 10)}
        SubElement(root, "line", line, stroke=INK, opacity="1" if factor == 1 else "0.2")
        name = "goal" if factor == 1 else f"{factor:g} {TIMES}"
        _text(root, _x(factor), TOP - 14, name, anchor="middle")
    for number, row in enumerate(rows):
        _bar(root, row, results[row.name], TOP + ROW * number)
    _legend(root)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def goodness(row: Row, value: float) -> float:
    """Return how many times as good as wanted a value is; above 1 is better, for every row."""
    assert row.reach is not None
    return row.reach / max(value, 1e-9) if row.low_is_good else value / row.reach


def _bar(root: Element, row: Row, result: Mapping[str, Any], y: int) -> None:
    value = float(result["value"])
    at, goal = _x(goodness(row, value)), _x(1.0)
    SubElement(
        root,
        "rect",
        x=f"{min(at, goal):.1f}",
        y=str(y + 3),
        width=f"{max(1.0, abs(at - goal)):.1f}",
        height=str(ROW - 8),
        fill=COLOURS[row.reached(value)],
    )
    if row.moonshot is not None:
        x = f"{_x(goodness(row, row.moonshot)):.1f}"
        line = {"x1": x, "x2": x, "y1": str(y + 1), "y2": str(y + ROW - 3)}
        SubElement(root, "line", line | {"stroke-dasharray": "3 2"}, stroke=INK)
    _text(root, NAMES - 10, y + 16, row.what, anchor="end")
    _text(root, WIDTH - RIGHT + 12, y + 16, shown_value(row, value), anchor="start")


def _legend(root: Element) -> None:
    x = 12.0
    for word, colour in COLOURS.items():
        SubElement(root, "rect", x=f"{x}", y="12", width="12", height="12", fill=colour)
        _text(root, x + 18, 22, word, anchor="start")
        x += 100
    _text(root, x, 22, "dashes: the moonshot", anchor="start")


def _text(root: Element, x: float, y: float, text: str, *, anchor: str) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "fill": INK}
    SubElement(root, "text", place).text = text


def _x(factor: float) -> float:
    """Return the place of a factor, at the edge for one beyond it."""
    inside = min(max(factor, 1 / SPAN), SPAN)
    share = (log2(inside) + log2(SPAN)) / (2 * log2(SPAN))
    return NAMES + share * (WIDTH - NAMES - RIGHT)


def main() -> None:
    """Write the chart."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chart", description=__doc__)
    parser.add_argument("results", type=Path, help="JSON file of results")
    parser.add_argument("svg", type=Path, help="file to write")
    given = parser.parse_args()
    given.svg.write_text(chart(read(given.results)))


if __name__ == "__main__":
    main()
