"""Change the rules in one place at a time, and see the tests of the rules go red at each of them.

Every change is a small bug: another comparison, a sign, a constant, a condition turned around, a
statement left out. One that no test notices has survived: either a test is missing, or the change
makes no difference, and docs/reference/mutants.md says why. Runs on a copy of the tree; the
checkout is not touched. Ends with 1 if one survived that is not explained there.
"""

import argparse
import ast
import gc
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
ROOM: Final = Path("processor/rules")
EXPLAINED: Final = Path("docs/reference/mutants.md")
TREES: Final = (
    *("schemas", "broker", "processor", "projections", "contract", "gateway", "notifier", "ops"),
    *("tests", "examples"),
)
# The tests that ask the rules something, and, for what survives those, the laws on random games.
TESTS: Final = "tests/rules"
LAWS: Final = "tests/laws"
LAWS_EXAMPLES: Final = 25
# One that goes on for ever, or takes all memory, is a mutant that was noticed.
TEST_CPU_S: Final = 3.0
LAW_CPU_S: Final = 90.0
MEMORY_BYTES: Final = 2**31
# Quietly, without leaving anything behind, and the same way each time.
QUICK: Final = (
    *("-s", "-p", "no:terminal", "-p", "no:cacheprovider", "--hypothesis-seed=0"),
    *("-o", "addopts=--import-mode=importlib"),
)

# Letters of a line that are told before and after a change.
CONTEXT: Final = 60

COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
COUNTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
CALLED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
# What a class says to Python's garbage collector, and to mypy, who may assign: nothing concluded
# follows from it.
TOLD_TO_OTHERS: Final = ("gc", "frozen")


# What can be changed


class Site(NamedTuple):
    """A place in a module's tree, and what changes it there."""

    function: str
    line: int
    node: ast.AST
    change: Callable[[], object]


class Mutant(NamedTuple):
    """One change of one file."""

    file: Path
    # Its place in the order of `sites`, by which a fork finds it again.
    number: int
    function: str
    line: int
    # The same however far the code moves: file, function, and the code before and after.
    name: str


def sites(tree: ast.AST) -> Iterator[Site]:
    """Yield every place of a module that can be changed, in the order of the code."""
    yield from _sites(tree, "", 0)


def _sites(node: ast.AST, function: str, above: int) -> Iterator[Site]:
    inner = function
    # Not every node knows its line; then it is that of the code around it.
    line = getattr(node, "lineno", above)
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        inner = f"{function}.{node.name}" if function else node.name
    if function or not isinstance(node, ast.ImportFrom | ast.Import):
        for change in _changes(node):
            yield Site(inner, line, node, change)
    for child in _children(node):
        yield from _sites(child, inner, line)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        # Types and what decorates a class change nothing that runs; an assertion is no rule.
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.keyword) and child.arg in TOLD_TO_OTHERS:
                continue
            if isinstance(child, ast.AST) and not isinstance(child, ast.Assert):
                yield child


def _changes(node: ast.AST) -> Iterator[Callable[[], object]]:  # noqa: C901, PLR0912  one case for each kind of node
    match node:
        case ast.Compare(ops=operators):
            for at, operator in enumerate(operators):
                yield partial(operators.__setitem__, at, COMPARED[type(operator)]())
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in COUNTED:
            yield partial(setattr, node, "op", COUNTED[type(operator)]())
        case ast.BoolOp(op=joined):
            yield partial(
                setattr, node, "op", ast.Or() if isinstance(joined, ast.And) else ast.And()
            )
        case ast.UnaryOp(op=ast.Not() | ast.USub() as sign, operand=operand):
            yield partial(setattr, node, "operand", ast.UnaryOp(type(sign)(), operand))
        case ast.Constant(value=bool(truth)):
            yield partial(setattr, node, "value", not truth)
        case ast.Constant(value=int(number)):
            yield partial(setattr, node, "value", 0 if number == 1 else number + 1)
        case ast.Call(func=ast.Name(id=name) as called) if name in CALLED:
            yield partial(setattr, called, "id", CALLED[name])
        case ast.comprehension(ifs=conditions):
            for at in range(len(conditions)):
                yield partial(conditions.__setitem__, at, ast.Constant(value=True))
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield partial(setattr, node, "test", ast.UnaryOp(ast.Not(), test))
    if isinstance(node, ast.FunctionDef) and len(node.body) > 1:
        # After its docstring, or its first statement where it has none.
        yield partial(node.body.insert, 1, ast.Return(value=None))
    for name in ("body", "orelse"):
        body = getattr(node, name, None)
        if isinstance(body, list):
            for at, statement in enumerate(body):
                if _may_go(statement):
                    yield partial(body.__setitem__, at, ast.Pass())


def _may_go(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        # A kind that nobody handles is an error of mypy's: no test could get to `assert_never`.
        return isinstance(statement.value, ast.Call) and not _is_of_mypy(statement.value)
    if isinstance(statement, ast.Assign):
        # Of an object that goes on without it; a name that is missing is noticed by any test.
        return any(isinstance(it, ast.Subscript | ast.Attribute) for it in statement.targets)
    return isinstance(statement, ast.AugAssign | ast.Continue | ast.Raise)


def _is_of_mypy(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "assert_never"


def mutants_of(file: Path) -> list[Mutant]:
    """Return every change that can be made to a file of the copy."""
    text = file.read_text()
    found: list[Mutant] = []
    seen: Counter[str] = Counter()
    for number, site in enumerate(sites(ast.parse(text))):
        name = f"{file.name} {site.function}: {_told(text, number)}"
        seen[name] += 1
        if seen[name] > 1:
            name += f" ({seen[name]})"
        found.append(Mutant(file, number, site.function, site.line, name))
    return found


def mutated(text: str, number: int) -> ast.Module:
    """Return the tree of a module with one change."""
    tree = ast.parse(text)
    next(site for at, site in enumerate(sites(tree)) if at == number).change()
    return ast.fix_missing_locations(tree)


def _told(text: str, number: int) -> str:
    """Return the line of code that a change is in, before and after it."""
    before = ast.unparse(ast.parse(text)).splitlines()
    after = ast.unparse(mutated(text, number)).splitlines()
    # Both are printed the same way, so that they differ where the change is, and nowhere else.
    at = next(it for it, line in enumerate(before) if it >= len(after) or after[it] != line)
    if len(after) > len(before):
        return f"begins with {after[at].strip()}"
    old, new = before[at].strip(), after[at].strip()
    first = max(0, _alike(old, new) - CONTEXT)
    last = max(0, _alike(old[first:][::-1], new[first:][::-1]) - CONTEXT)
    return f"{old[first : len(old) - last]} => {new[first : len(new) - last]}"


def _alike(left: str, right: str) -> int:
    pairs = zip(left, right, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), 0)


# What runs


def put_in(mutant: Mutant) -> None:
    """Change the module that is loaded, as far as it is used: functions, classes and constants."""
    file = mutant.file.resolve()
    module = sys.modules[".".join(mutant.file.with_suffix("").parts)]
    changed: dict[str, Any] = {"__name__": module.__name__, "__file__": str(file)}
    code = compile(mutated(file.read_text(), mutant.number), str(file), "exec")
    exec(code, changed)  # noqa: S102  our own code, but for the one change
    # What a class has by itself, as the defaults of its fields, nobody can change: it is another.
    is_class = isinstance(vars(module).get(mutant.function), type)
    for name, new in changed.items():
        old = vars(module).get(name)
        if is_class and not isinstance(new, FunctionType):
            _hand_out(name, old, new)
        else:
            _replace(module.__name__, name, old, new)


def _replace(room: str, name: str, old: Any, new: Any) -> None:  # noqa: ANN401  whatever a module holds
    if isinstance(new, property):
        old, new = old.fget, new.fget
    if isinstance(new, FunctionType) and new.__module__ == room:
        # The function stays the same object, by whatever name others hold it.
        old.__code__, old.__defaults__ = new.__code__, new.__defaults__
        old.__kwdefaults__ = new.__kwdefaults__
    elif isinstance(new, type) and new.__module__ == room:
        for inner, value in vars(new).items():
            if isinstance(value, FunctionType | property):
                _replace(room, inner, vars(old)[inner], value)
    elif name.isupper() and old != new:
        _hand_out(name, old, new)


def _hand_out(name: str, old: object, new: object) -> None:
    """Put what is new in the place of the old, wherever a module holds that by its name."""
    for module in list(sys.modules.values()):
        # Among the modules are things of other kinds, which warn of being asked for anything.
        if isinstance(module, ModuleType) and vars(module).get(name) is old is not new:
            setattr(module, name, new)


class Mutating:
    """A plugin that runs the collected tests once as they are, and then on each mutant."""

    def __init__(self, mutants: list[Mutant], jobs: int, told: Callable[[Mutant], None]) -> None:
        self._mutants = mutants
        self._jobs = jobs
        self._told = told
        self._done = 0
        self._failed = False
        # "file function" -> the tests that run through it; those of a file's own name come first.
        self._tests: dict[str, list[pytest.Item]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that a test was red."""
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run everything: this takes the place of pytest's own loop."""
        items = [it for it in session.items if self._watched(it)]
        if self._failed:
            raise pytest.UsageError("the tests are not green without a mutant")
        # What is there now is shared by the forks, and need not be looked through in each.
        gc.freeze()
        running: dict[int, Mutant] = {}
        left = iter(self._mutants)
        while True:
            while len(running) < self._jobs and (mutant := next(left, None)) is not None:
                running[self._begin(mutant, items)] = mutant
            if not running:
                return True
            child, status = os.wait()
            mutant = running.pop(child)
            self._done += 1
            if self._done % 100 == 0:
                print(f"{self._done} of {len(self._mutants)}", file=sys.stderr, flush=True)  # noqa: T201  how far it is
            if status == 0:
                self._told(mutant)

    def _watched(self, item: pytest.Item) -> bool:
        """Run a test as things are, and return whether it ran through the rules at all."""
        called: set[CodeType] = set()
        room = str(ROOM.resolve())

        def note(frame: FrameType, _event: str, _arg: object) -> None:
            # Returning nothing, it is asked once for each call, and not for each line.
            if frame.f_code.co_filename.startswith(room):
                called.add(frame.f_code)

        if LAWS not in item.nodeid:
            sys.settrace(note)
        self._test(item)
        sys.settrace(None)
        names = {f"{Path(it.co_filename).name} {it.co_qualname}" for it in called}
        for name in names:
            self._tests[name].append(item)
        return bool(called)

    def _test(self, item: pytest.Item) -> None:
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)

    def _begin(self, mutant: Mutant, items: list[pytest.Item]) -> int:
        """Begin to test a mutant, and return the process that does; 0 says it was not noticed."""
        child = os.fork()
        if child:
            return child
        laws = [it for it in items[0].session.items if LAWS in it.nodeid]
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        try:
            put_in(mutant)
            # What is outside of functions concerns all that runs.
            tests = self._tests.get(f"{mutant.file.name} {mutant.function}", items)
            own = f"test_{mutant.file.stem}."
            for item in [*sorted(tests, key=lambda it: own not in it.nodeid), *laws]:
                # The signal ends the process.
                signal.setitimer(signal.ITIMER_PROF, LAW_CPU_S if item in laws else TEST_CPU_S)
                self._test(item)
                if self._failed:
                    break
        except BaseException:  # noqa: BLE001  whatever it is, the change was noticed
            self._failed = True
        os._exit(1 if self._failed else 0)


def rule_tests() -> list[str]:
    """Return the files of tests that speak of the rules, and not of what is around them."""
    files = sorted(Path(TESTS).glob("test_*.py"))
    return [str(it) for it in files if re.search("(from|import) (given|processor)", it.read_text())]


def explained() -> set[str]:
    """Return the names of the mutants that the docs explain."""
    path = ROOT / EXPLAINED
    lines = path.read_text().splitlines() if path.exists() else []
    return {line.split("`")[1] for line in lines if line.startswith("- `")}


def main() -> int:
    """Run every mutant, print those that survive."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="of processor/rules; all by default")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--laws", action="store_true", help="run the laws too, on what is left")
    parser.add_argument("--only", default="", help="a text that the names of mutants must have")
    told = parser.parse_args()
    names = [it.name for it in told.files or sorted((ROOT / ROOM).glob("*.py"))]
    known = explained()
    with tempfile.TemporaryDirectory(prefix="xp-mutants-") as scratch:
        for name in TREES:
            source, target = ROOT / name, Path(scratch) / name
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", scratch)
        os.chdir(scratch)
        sys.path[:0] = [scratch, f"{scratch}/tests"]
        mutants = [it for name in names for it in mutants_of(ROOM / name) if told.only in it.name]
        print(f"{len(mutants)} mutants of {len(names)} files", flush=True)  # noqa: T201  what it is for
        left = list[Mutant]()

        def survived(mutant: Mutant) -> None:
            mark = "explained" if mutant.name in known else "SURVIVED"
            left.extend([mutant] if mutant.name not in known else [])
            print(f"{mark} {mutant.file}:{mutant.line} {mutant.name}", file=sys.stderr, flush=True)  # noqa: T201  what it is for

        os.environ["LAWS_EXAMPLES"] = str(LAWS_EXAMPLES)
        tests = [*rule_tests(), *([LAWS] if told.laws else [])]
        code = pytest.main([*QUICK, *tests], plugins=[Mutating(mutants, told.jobs, survived)])
        os.chdir(ROOT)
    print(f"{len(left)} survived that are not explained")  # noqa: T201  what it is for
    return 1 if left or code else 0


if __name__ == "__main__":
    sys.exit(main())
