"""Where in a definition file something stands: paths of names and indexes to lines.

What the file means is not known here.
"""

import yaml

from schemas.definitions import Path

# Of a map the name as it stands there, of a list the item itself; and what is below.
_Child = tuple[yaml.Node, yaml.Node]


class Places:
    """The nodes of one file, each looked into once, however many paths lead through it."""

    def __init__(self, root: yaml.Node) -> None:
        """Take the root of the file."""
        self._root = root
        self._below: dict[int, dict[str | int, _Child]] = {}

    def line_of(self, path: Path) -> int:
        """Return the line of a path, counted from 1; of what is missing, where it would be."""
        node, line = self._root, self._root.start_mark.line
        for step in path:
            found = self._children(node).get(step)
            if found is None:
                # A part of the path that is no part of the file, as the name of a missing field.
                continue
            name, node = found
            line = name.start_mark.line
        return int(line) + 1

    def _children(self, node: yaml.Node) -> dict[str | int, _Child]:
        known = self._below.get(id(node))
        if known is None:
            known = self._below[id(node)] = _children(node)
        return known


def _children(node: yaml.Node) -> dict[str | int, _Child]:
    if isinstance(node, yaml.SequenceNode):
        return {index: (item, item) for index, item in enumerate(node.value)}
    if isinstance(node, yaml.MappingNode):
        # A name that is given twice is found where it stands first.
        return {str(name.value): (name, value) for name, value in reversed(node.value)}
    return {}
