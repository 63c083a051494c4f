"""The rules of the house that imports cannot express, each a function from one module's source to its breaches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

FUNCTION_LINES = 40
MODULE_LINES = 300
NESTING = 3

_DEEPER = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_CLOCKS_AND_DICE = {
    "datetime": {"now", "utcnow", "today", "fromtimestamp"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "localtime", "gmtime"},
    "uuid": {"uuid1", "uuid4", "uuid6", "uuid7"},
}
_ROW_WRITES = {
    "create",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "update",
    "delete",
}
_ROW_WRITES |= {f"a{name}" for name in _ROW_WRITES}
_MANAGERS = {"objects", "_default_manager", "_base_manager"}
_QUERIES = {"filter", "exclude", "all", "select_for_update", "using"}
_SQL_WRITE = re.compile(
    r"\b(insert\s+into|update\s+\S+\s+set|delete\s+from|truncate\s+table)\b|^\s*update\s+\"?\Z", re.IGNORECASE
)


@dataclass(frozen=True)
class Module:
    """One source file: its path from the root, its text, and the text parsed."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text, self.path)


@dataclass(frozen=True)
class Breach:
    """One broken rule: where, and what to do. Prints as `path:line: why`."""

    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}"


def too_long(module: Module) -> Iterator[Breach]:
    """Modules and functions that nobody reads in one go."""
    lines = module.text.count("\n")
    if lines > MODULE_LINES:
        yield Breach(module.path, 1, f"{lines} lines; split it, {MODULE_LINES} are the limit")
    for function in _functions(module.tree):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > FUNCTION_LINES:
            why = f"{function.name} has {length} lines; split it, {FUNCTION_LINES} are the limit"
            yield Breach(module.path, function.lineno, why)


def too_deep(module: Module) -> Iterator[Breach]:
    """Blocks nested so deep that one must count them. An `elif` is beside its `if`, not inside it."""
    for function in _functions(module.tree):
        for node, depth in _blocks(function, 0):
            if depth == NESTING + 1:
                why = f"{function.name} nests {depth} deep; return early or split it, {NESTING} is the limit"
                yield Breach(module.path, node.lineno, why)


def nameless(module: Module) -> Iterator[Breach]:
    """Modules that do not say what they are. An empty `__init__.py` needs no words."""
    if module.text.strip() and not ast.get_docstring(module.tree):
        yield Breach(module.path, 1, "begin with a docstring whose first line says what this module is")


def swallowed(module: Module) -> Iterator[Breach]:
    """Exceptions that vanish: a handler with nothing in it."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and all(_is_nothing(line) for line in node.body):
            yield Breach(
                module.path, node.lineno, "an exception vanishes here; handle it, log it or let it go on"
            )


def clocks(module: Module) -> Iterator[Breach]:
    """Calls that read a clock or throw a die; in a pure module time and chance come as arguments."""
    tree = module.tree
    known = dict(_imported(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        base, *names = _dotted(node.func)
        source = known.get(base, "")
        called = names[-1] if names else source.rpartition(".")[2]
        if called in _CLOCKS_AND_DICE.get(source.partition(".")[0], set()):
            yield Breach(module.path, node.lineno, f"{ast.unparse(node.func)}() in a pure module; pass it in")


def row_writes(module: Module) -> Iterator[Breach]:
    """Calls and SQL that write rows."""
    tree = module.tree
    documents = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _writes_a_row(node):
            yield Breach(module.path, node.lineno, f"{ast.unparse(node.func)} writes a row")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            if _SQL_WRITE.search(node.value):
                yield Breach(module.path, node.lineno, "this SQL writes a row")


def _writes_a_row(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    name, chain = call.func.attr, set(_chain(call.func.value))
    if name in {"save", "asave"}:
        return True
    if name in {"delete", "adelete"} and not call.args and not call.keywords:
        return True
    return name in _ROW_WRITES and bool(chain & (_MANAGERS | _QUERIES))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS))


def _blocks(node: ast.AST, depth: int) -> Iterator[tuple[ast.stmt, int]]:
    """Every block inside a function with its depth; functions within it are looked at by themselves."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            continue
        inside = depth + (isinstance(child, _DEEPER) and not _is_elif(node, child))
        if isinstance(child, _DEEPER):
            yield child, inside
        yield from _blocks(child, inside)


def _is_elif(parent: ast.AST, child: ast.AST) -> bool:
    return isinstance(parent, ast.If) and isinstance(child, ast.If) and parent.orelse == [child]


def _is_nothing(line: ast.stmt) -> bool:
    is_text = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    return isinstance(line, ast.Pass) or is_text


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that stand for a module or something of it, with what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _dotted(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [*_dotted(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]


def _chain(node: ast.expr) -> Iterator[str]:
    """The attribute names that an expression goes through: `A.objects.filter(…)` gives filter, objects."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        if isinstance(node, ast.Attribute):
            yield node.attr
            node = node.value
        else:
            node = node.func


def _docstrings(tree: ast.Module) -> set[int]:
    documented = (ast.Module, ast.ClassDef, *_FUNCTIONS)
    holders = [node for node in ast.walk(tree) if isinstance(node, documented)]
    return {
        id(holder.body[0].value) for holder in holders if holder.body and isinstance(holder.body[0], ast.Expr)
    }
