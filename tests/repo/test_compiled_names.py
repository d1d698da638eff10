"""What is compiled says the same as the Python that it is made of: a name has one type there.

mypyc gives the name of a caught exception the type of its first `except` in a function. A second
one of that name would end in a TypeError at the very moment when something else went wrong.
"""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def compiled():
    """Return the modules that are compiled, as tools/compile.py names them."""
    for node in ast.parse((ROOT / "tools" / "compile.py").read_text()).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "MODULES":
            assert node.value is not None
            return ast.literal_eval(node.value)
    raise AssertionError("tools/compile.py names no modules")


@pytest.mark.parametrize("module", compiled())
def test_no_name_of_a_caught_exception_has_two_types_in_one_function(module):
    for function in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(function, FUNCTIONS):
            types = defaultdict(set)
            for it in ast.walk(function):
                if isinstance(it, ast.ExceptHandler) and it.name and it.type:
                    types[it.name].add(ast.unparse(it.type))
            assert {name: it for name, it in types.items() if len(it) > 1} == {}, function.name
