"""One module as the linter sees it: what its names mean, which functions are steps, and what those call. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
STEPS = frozenset({"jobs.workflow", "jobs.agent", "jobs.agents.workflow", "jobs.agents.agent"})
TOOLS = frozenset({"ledger.tool", "ledger.tools.tool"})
OF_A_TOOL = frozenset({"probe", "confirm", "compensate"})


@dataclass
class Module:
    """A parsed module.

    Args:
        imports: what each imported name stands for.
        functions: by name, `Class.method` for methods.
        steps: names of planners and workflows; tools: of tools, with their probes and the like.
        globals: names bound at the top; rebound: those that some function rebinds with `global`.
        containers: names bound at the top to a list, dict or set.
    """

    imports: dict[str, str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    steps: set[str] = field(default_factory=set)
    tools: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    rebound: set[str] = field(default_factory=set)
    containers: set[str] = field(default_factory=set)

    def dotted(self, node: ast.AST) -> str:
        """The full name of an expression such as `t.time`, by the imports; empty where it is none."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""


def read(tree: ast.Module, decorators: frozenset[str] = frozenset()) -> Module:
    """See what a module has.

    Args:
        tree: the module.
        decorators: further names that mark planners and workflows.
    """
    module = Module()
    for node in ast.walk(tree):
        _import(module, node)
        if isinstance(node, ast.Global):
            module.rebound.update(node.names)
    for statement in tree.body:
        _bind(module, statement)
    for name, function in _functions(tree.body):
        _keep(module, name, function, decorators)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _registered(module, node, decorators)
    return module


def _import(module: Module, node: ast.AST) -> None:
    if isinstance(node, ast.Import):
        for each in node.names:
            top = each.name.partition(".")[0]
            module.imports[each.asname or top] = each.name if each.asname else top
    elif isinstance(node, ast.ImportFrom) and not node.level:
        for each in node.names:
            module.imports[each.asname or each.name] = f"{node.module}.{each.name}"


def _bind(module: Module, statement: ast.stmt) -> None:
    targets: list[ast.expr] = []
    value: ast.expr | None = None
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign):
        targets, value = [statement.target], statement.value
    names = {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    module.globals |= names
    if _is_container(value):
        module.containers |= names


def _is_container(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        name = value.func.id if isinstance(value.func, ast.Name) else getattr(value.func, "attr", "")
        return name in ("list", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict")
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def _functions(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, Function]]:
    for statement in body:
        if isinstance(statement, Function):
            yield f"{within}{statement.name}", statement
        elif isinstance(statement, ast.ClassDef):
            yield from _functions(statement.body, f"{within}{statement.name}.")
        elif isinstance(statement, ast.If | ast.Try):
            yield from _functions([*statement.body, *statement.orelse], within)


def _keep(module: Module, name: str, function: Function, decorators: frozenset[str]) -> None:
    key = name if name not in module.functions else f"{name}:{function.lineno}"
    module.functions[key] = function
    marks = [mark.func if isinstance(mark, ast.Call) else mark for mark in function.decorator_list]
    if any(module.dotted(mark) in TOOLS or _is_of_a_tool(mark) for mark in marks):
        module.tools.add(key)
    elif any(_marks(module, mark, decorators) for mark in marks) or takes_ctx(function):
        module.steps.add(key)


def _is_of_a_tool(mark: ast.expr) -> bool:
    return isinstance(mark, ast.Attribute) and mark.attr in OF_A_TOOL


def _marks(module: Module, mark: ast.expr, decorators: frozenset[str]) -> bool:
    name = module.dotted(mark)
    return name in STEPS or name in decorators or name.rpartition(".")[2] in decorators


def takes_ctx(function: Function) -> bool:
    """Whether a function takes a ctx first, beside `self`."""
    args = [*function.args.posonlyargs, *function.args.args]
    names = [each.arg for each in args if each.arg not in ("self", "cls")]
    return names[:1] == ["ctx"]


def _registered(module: Module, call: ast.Call, decorators: frozenset[str]) -> None:
    """`workflow(fn)` and `agent("name")(fn)` name a function as well as a decorator does."""
    marker = call.func.func if isinstance(call.func, ast.Call) else call.func
    if _marks(module, marker, decorators):
        for argument in call.args:
            if isinstance(argument, ast.Name) and argument.id in module.functions:
                module.steps.add(argument.id)


def reached(module: Module) -> dict[str, str]:
    """Every function that runs as part of a step, and by which step it is first reached."""
    found = {name: name for name in sorted(module.steps - module.tools)}
    queue = list(found)
    while queue:
        name = queue.pop(0)
        for called in _called(module, name):
            if called not in found and called not in module.tools:
                found[called] = found[name]
                queue.append(called)
    return found


def _called(module: Module, name: str) -> Iterator[str]:
    owner = name.rpartition(".")[0]
    for node in ast.walk(module.functions[name]):
        if not isinstance(node, ast.Call):
            continue
        target = node.func
        if isinstance(target, ast.Name) and target.id in module.functions:
            yield target.id
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            method = f"{owner if target.value.id in ('self', 'cls') else target.value.id}.{target.attr}"
            if method in module.functions:
                yield method


def locals_of(function: Function) -> Mapping[str, list[ast.expr]]:
    """The names that a function binds itself, each with what it binds to them; a parameter with nothing."""
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    bound: dict[str, list[ast.expr]] = {each.arg: [] for each in every}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for name in (target.id for target in node.targets if isinstance(target, ast.Name)):
                bound.setdefault(name, []).append(node.value)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.setdefault(node.id, [])
    elsewhere = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    return {name: values for name, values in bound.items() if name not in elsewhere}
