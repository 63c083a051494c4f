"""The checks themselves: every function that runs as part of a step is walked, tools are not. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from . import codes
from .modules import Function, Module, locals_of, reached, read

_NOQA = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
_DISPLAYS = (ast.Set, ast.SetComp)


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One breach of the step contract; `step` is the planner or workflow by which the line is reached."""

    path: str
    line: int
    column: int
    code: str
    message: str
    step: str = ""


def lint(
    text: str,
    path: str = "",
    *,
    tree: ast.Module | None = None,
    decorators: Collection[str] = (),
    lines: list[str] | None = None,
) -> list[Finding]:
    """What breaks the step contract in a module.

    Args:
        text: the module.
        path: named in the findings.
        tree: the module, if it is parsed already; lines: and split.
        decorators: further names that mark planners and workflows, beside `agent` and `workflow` of `jobs`. A function
            whose first parameter is `ctx` always counts.

    Returns:
        The findings in the order of the lines, without those that `# noqa` takes back.
    """
    try:
        found = _found(ast.parse(text) if tree is None else tree, path, frozenset(decorators))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # too deep is no module either
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        said = f"{codes.CODES[codes.UNREADABLE][0]}: {str(error) or 'it nests too deep'}"
        return [Finding(path, line, column, codes.UNREADABLE, said)]
    rows = text.splitlines() if lines is None else lines
    return sorted(each for each in _once(found) if not _taken_back(rows, each))


def _found(tree: ast.Module, path: str, decorators: frozenset[str]) -> set[Finding]:
    module = read(tree, decorators)
    return {
        _finding(path, node, code, what, step, name)
        for name, step in reached(module).items()
        for node, code, what in Check(module, module.functions[name]).breaches()
    }


def _once(found: set[Finding]) -> Iterator[Finding]:
    """One finding a place and code, whichever step reaches it first."""
    seen = set()
    for each in sorted(found):
        if (each.line, each.column, each.code) not in seen:
            seen.add((each.line, each.column, each.code))
            yield each


def _finding(path: str, node: ast.AST, code: str, what: str, step: str, name: str) -> Finding:
    title, instead = codes.CODES[code]
    told = f"{title} ({what})" if what else title
    where = step if step == name else f"{step}, which calls {name},"
    message = f"{told} in {where.rstrip(',')}: {instead}"
    return Finding(path, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, code, message, step)


def _taken_back(lines: list[str], found: Finding) -> bool:
    line = lines[found.line - 1] if 0 < found.line <= len(lines) else ""
    match = _NOQA.search(line)
    if match is None:
        return False
    named = match["codes"]
    return named is None or found.code in re.split(r"[,\s]+", named.upper())


class Check:
    """One function, with what its names mean."""

    def __init__(self, module: Module, function: Function) -> None:
        self.module, self.function = module, function
        self.own = locals_of(function)
        self.inner = {each.name for each in ast.walk(function) if isinstance(each, Function)}
        self.sorted: set[ast.AST] = set()  # iterated where the order does not matter
        self.called: set[ast.AST] = set()  # names that have been judged as calls

    def breaches(self) -> Iterator[tuple[ast.AST, str, str]]:
        """Every breach: where, which, and by what name."""
        for statement in self.function.body:
            for node in ast.walk(statement):
                yield from self._of(node)

    def _of(self, node: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
        for kinds, look in _LOOKS:
            if isinstance(node, kinds):
                yield from look(self, node)

    # --- names and calls ---------------------------------------------------------------------------------

    def _dotted(self, node: ast.AST) -> str:
        base = node
        while isinstance(base, ast.Attribute):
            base = base.value
        if isinstance(base, ast.Name) and base.id in self.own:
            return ""
        return self.module.dotted(node)

    def _call(self, node: ast.Call) -> Iterator[tuple[ast.AST, str, str]]:
        target, name = node.func, self._dotted(node.func)
        if name in codes.WITHOUT_ARGUMENT:
            code, enough = codes.WITHOUT_ARGUMENT[name]
            self.called.add(target)
            if len(node.args) + len(node.keywords) < enough:
                yield node, code, name
        if isinstance(target, ast.Name) and target.id in self.module.tools:
            yield node, codes.TOOL, target.id
        if isinstance(target, ast.Name) and target.id in codes.ORDERLESS:
            self.sorted.update(node.args)
        elif isinstance(target, ast.Name) and target.id in (
            "list",
            "tuple",
            "enumerate",
            "iter",
            "next",
            "zip",
            "map",
        ):
            for each in node.args:
                yield from self._loop(each)
        if isinstance(target, ast.Attribute):
            yield from self._method(node, target)

    def _method(self, node: ast.Call, target: ast.Attribute) -> Iterator[tuple[ast.AST, str, str]]:
        if target.attr in codes.OF_A_PATH:
            yield node, codes.FILES, target.attr
        changed = self._global_of(target.value, whole=True)
        if target.attr in codes.CHANGES and changed in self.module.containers:
            yield node, codes.GLOBALS, changed

    def _name(self, node: ast.Name | ast.Attribute) -> Iterator[tuple[ast.AST, str, str]]:
        if isinstance(node, ast.Attribute):
            self.called.add(node.value)
            if node.attr == "objects" and isinstance(node.value, ast.Name) and node.value.id[:1].isupper():
                yield node, codes.DATABASE, f"{node.value.id}.objects"
        elif isinstance(node.ctx, ast.Load) and node.id in self.module.rebound and node.id not in self.own:
            yield node, codes.GLOBALS, node.id
        name = self._dotted(node)
        code = codes.meaning(name) if name and not self._is_part(node) else ""
        if code and name not in codes.WITHOUT_ARGUMENT:
            yield node, code, name

    def _is_part(self, node: ast.AST) -> bool:
        """Whether the name is the beginning of a longer one, or was judged as a call."""
        return node in self.called

    # --- order, awaiting, catching, globals --------------------------------------------------------------

    def _for(self, node: ast.For | ast.AsyncFor) -> Iterator[tuple[ast.AST, str, str]]:
        yield from self._loop(node.iter)
        if isinstance(node, ast.AsyncFor) and self._is_foreign(node.iter):
            yield node, codes.AWAIT, ast.unparse(node.iter)[:60]

    def _comprehended(
        self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp
    ) -> Iterator[tuple[ast.AST, str, str]]:
        if node not in self.sorted:
            for each in node.generators:
                yield from self._loop(each.iter)

    def _awaited(self, node: ast.Await) -> Iterator[tuple[ast.AST, str, str]]:
        if self._is_foreign(node.value):
            yield node, codes.AWAIT, ast.unparse(node.value)[:60]

    def _entered(self, node: ast.AsyncWith) -> Iterator[tuple[ast.AST, str, str]]:
        for each in node.items:
            if self._is_foreign(each.context_expr):
                yield each.context_expr, codes.AWAIT, ast.unparse(each.context_expr)[:60]

    def _declared(self, node: ast.Global) -> Iterator[tuple[ast.AST, str, str]]:
        yield from ((node, codes.GLOBALS, name) for name in node.names)

    def _changed(self, node: ast.Assign | ast.AugAssign | ast.Delete) -> Iterator[tuple[ast.AST, str, str]]:
        targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
        yield from ((node, codes.GLOBALS, name) for each in targets if (name := self._global_of(each)))

    def _loop(self, over: ast.AST) -> Iterator[tuple[ast.AST, str, str]]:
        if self._is_set(over):
            yield over, codes.ORDER, ""

    def _is_set(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
        if isinstance(node, ast.Name):
            values = self.own.get(node.id, [])
            return bool(values) and all(self._is_set(each) for each in values if not _is_name(each, node.id))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
            return self._is_set(node.left) or self._is_set(node.right)
        return isinstance(node, _DISPLAYS)

    def _is_foreign(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        if _base(node.func) == "ctx" or any(
            _speaks_of_ctx(each) for each in (*node.args, *(k.value for k in node.keywords))
        ):
            return False
        known = _base(node.func)
        return known not in self.module.functions and known not in self.inner and known not in ("self", "cls")

    def _caught(self, node: ast.ExceptHandler) -> Iterator[tuple[ast.AST, str, str]]:
        if any(isinstance(each, ast.Raise) for each in ast.walk(node)):
            return
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        for kind in kinds:
            name = "" if kind is None else self._dotted(kind)
            if kind is None or name in ("BaseException", "asyncio.CancelledError"):
                yield node, codes.PARK, name or "a bare except"

    def _global_of(self, node: ast.AST, *, whole: bool = False) -> str:
        """The global that an item or attribute belongs to; empty for a name of the function's own."""
        if not whole and not isinstance(node, ast.Subscript | ast.Attribute):
            return ""
        while isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        is_own = not isinstance(node, ast.Name) or node.id in self.own
        return "" if is_own or node.id not in self.module.globals else node.id  # type: ignore[attr-defined]


_LOOKS: tuple[tuple[Any, Callable[[Check, Any], Iterator[tuple[ast.AST, str, str]]]], ...] = (
    (ast.Call, Check._call),
    (ast.Name | ast.Attribute, Check._name),
    (ast.For | ast.AsyncFor, Check._for),
    (ast.ListComp | ast.GeneratorExp | ast.DictComp, Check._comprehended),
    (ast.Await, Check._awaited),
    (ast.AsyncWith, Check._entered),
    (ast.ExceptHandler, Check._caught),
    (ast.Global, Check._declared),
    (ast.Assign | ast.AugAssign | ast.Delete, Check._changed),
)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _speaks_of_ctx(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "ctx" for each in ast.walk(node))
