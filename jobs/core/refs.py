"""References: what a planner holds in its hands instead of a result that does not exist yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, cast

from jobs.core.evaluation import BadReference, Missing, Scope, evaluate, render
from jobs.core.expr import MAX_DEPTH, STATES, data_refs, form_of, soft_refs, state_refs
from jobs.core.names import PlanError, clip

__all__ = [
    "BadReference",
    "Missing",
    "NodeRef",
    "Ref",
    "Scope",
    "data_refs",
    "encode",
    "evaluate",
    "item_ref",
    "soft_refs",
    "state_refs",
]

_PATHS = frozenset({"$ref", "$error", "$item"})


class Ref:
    """A value that will be known when the job runs: data of a node, or a condition built from such.

    Supports `[]`, `== != < <= > >=`, `& | ~`, `.in_(values)` and `.or_(default)`. Whatever would need
    the value now (`bool`, `and`, `in`, iteration, `len`, hashing, text) raises TypeError and says what
    to write instead.
    """

    __slots__ = ("_expr",)

    def __init__(self, expr: dict[str, object]) -> None:
        self._expr = expr

    def to_json(self) -> dict[str, object]:
        """Return the expression of this reference."""
        return self._expr

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {render(self._expr)}>"

    def __getitem__(self, step: str | int) -> Ref:
        form = form_of(self._expr)
        if form not in _PATHS:
            raise TypeError(
                f"{render(self._expr)} has no parts: use [] on the node before comparing or .or_()"
            )
        if not isinstance(step, str | int) or isinstance(step, bool):
            raise TypeError(
                f"{clip(step)} cannot be used in [] of {render(self._expr)}: give a key (text) or a position "
                "(integer); to choose by a value that is not known yet, use a tool"
            )
        return Ref({form: [*cast(list[object], self._expr[form]), step]})

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in (*STATES, "error", "id"):
            raise AttributeError(
                f"only a node itself has .{name}: write it on what g.tool(...) and the like return"
            )
        raise AttributeError(f'a reference has no attribute {name!r}: write ["{name}"] for data')

    def in_(self, values: Sequence[object] | Ref) -> Ref:
        """Return the condition that the value is one of `values` (a list, or a reference to one)."""
        if not isinstance(values, list | tuple | Ref):
            raise TypeError(f".in_() takes a list or a reference to one, not {clip(values)}")
        return _operation("in", self, values)

    def or_(self, default: object) -> Ref:
        """Return this value, or `default` where its node has no result (or the path leads into a null)."""
        return Ref({"$default": [self._expr, encode(default)]})

    def __eq__(self, other: object) -> Ref:  # type: ignore[override]
        return _operation("eq", self, other)

    def __ne__(self, other: object) -> Ref:  # type: ignore[override]
        return _operation("ne", self, other)

    def __lt__(self, other: object) -> Ref:
        return _operation("lt", self, other)

    def __le__(self, other: object) -> Ref:
        return _operation("le", self, other)

    def __gt__(self, other: object) -> Ref:
        return _operation("gt", self, other)

    def __ge__(self, other: object) -> Ref:
        return _operation("ge", self, other)

    def __and__(self, other: object) -> Ref:
        return _operation("and", self, other)

    def __rand__(self, other: object) -> Ref:
        return _operation("and", other, self)

    def __or__(self, other: object) -> Ref:
        return _operation("or", self, other)

    def __ror__(self, other: object) -> Ref:
        return _operation("or", other, self)

    def __invert__(self) -> Ref:
        return _operation("not", self)

    def _refuse(self, what: str, instead: str) -> NoReturn:
        raise TypeError(f"{render(self._expr)} is not known while planning, so it has no {what}: {instead}")

    def __bool__(self) -> NoReturn:
        self._refuse(
            "truth value",
            "write & | ~ instead of and, or, not (with brackets round each comparison), .in_(...) instead of "
            "in, and when=... or g.branch(...) instead of if",
        )

    def __iter__(self) -> NoReturn:
        self._refuse("items to go through", "use g.map(id, tool, over=..., each=...)")

    def __contains__(self, value: object) -> NoReturn:
        self._refuse("members", "use value.in_(...) on a reference, or a tool that looks")

    def __len__(self) -> NoReturn:
        self._refuse("length", "use a tool that counts")

    def __hash__(self) -> NoReturn:
        self._refuse("hash", "key sets and dicts by the node's .id, and use a list to keep references")

    def __str__(self) -> NoReturn:
        self._refuse("text", "pass the reference itself as an argument, and join text in a tool")

    def __format__(self, spec: str) -> NoReturn:
        self.__str__()

    def _arithmetic(self, *_: object) -> NoReturn:
        self._refuse("number to reckon with", "compute in a tool, or on the other side of a comparison")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _arithmetic
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _arithmetic
    __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = __int__ = __float__ = __index__ = _arithmetic


class NodeRef(Ref):
    """The handle of a node: a reference to all of its data, and to how it ended.

    `.approved .rejected .timed_out .skipped .failed` are conditions; `.error` is its readable error
    (null where there is none); `.id` is its name.
    """

    __slots__ = ("id",)

    def __init__(self, node: str) -> None:
        super().__init__({"$ref": [node]})
        self.id = node

    def _state(self, name: str) -> Ref:
        return Ref({"$state": [self.id, name]})

    @property
    def approved(self) -> Ref:
        """The approval was given."""
        return self._state("approved")

    @property
    def rejected(self) -> Ref:
        """The approval was refused."""
        return self._state("rejected")

    @property
    def timed_out(self) -> Ref:
        """The deadline passed without an answer."""
        return self._state("timed_out")

    @property
    def skipped(self) -> Ref:
        """The node did not run."""
        return self._state("skipped")

    @property
    def failed(self) -> Ref:
        """The node ran and failed for good."""
        return self._state("failed")

    @property
    def error(self) -> Ref:
        """The error of the node as an object, null where there is none."""
        return Ref({"$error": [self.id]})


def item_ref() -> Ref:
    """Return the reference to the current item, for use inside `each` of a map."""
    return Ref({"$item": []})


def encode(value: object) -> object:
    """Return the expression for a value: JSON in which references may stand anywhere.

    Raises TypeError naming the type of what is not JSON; PlanError (`bad_number`, `too_deep`) for
    numbers and nesting that JSON texts cannot carry.
    """
    return _encode(value, 0)


def _encode(value: object, depth: int) -> object:
    if isinstance(value, Ref):
        return value.to_json()
    if depth > MAX_DEPTH:
        raise PlanError(
            f"a value is nested more than {MAX_DEPTH} deep or holds itself: flatten it", "too_deep"
        )
    if isinstance(value, list | tuple):
        return [_encode(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return _encode_object(value, depth + 1)
    return _scalar(value)


def _scalar(value: object) -> object:
    """Return the exact JSON scalar: subclasses of str, int and float lose their class."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and value.bit_length() <= 4096:
        return int(value)
    if isinstance(value, float) and value - value == 0:
        return float(value)
    if isinstance(value, int | float):
        raise PlanError(f"{clip(value)} is no number in JSON: pass a finite one, null or text", "bad_number")
    raise TypeError(
        f"a value of type {type(value).__name__} is not JSON: pass null, a boolean, a number, text, a list or "
        "an object with text as keys (sets as sorted lists, times and decimals as text, models as dicts)"
    )


def _encode_object(value: dict[object, object], depth: int) -> dict[str, object]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"a key of type {type(key).__name__} is not JSON: use text as keys")
    done = {str.__str__(str(key)): _encode(each, depth) for key, each in value.items()}
    if not any(key.startswith("$") for key in done):
        return done
    if _holds_ref(value):
        raise TypeError(
            "an object whose keys begin with '$' is taken literally, so no reference may stand inside it: "
            "build it in a tool"
        )
    return {"$lit": _literal(value)}


def _holds_ref(value: object) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, Ref) or any(_holds_ref(each) for each in inner)


def _literal(value: object) -> object:
    """Return the plain copy of a value that was encoded before, so its types and depth are known."""
    if isinstance(value, dict):
        return {str.__str__(key): _literal(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_literal(each) for each in value]
    return _scalar(value)


def _operation(name: str, *args: object) -> Ref:
    """Build an operation; chains of & and of | stay flat, so that a long one is not a deep one."""
    done: list[object] = []
    for each in args:
        expr = encode(each)
        if name in ("and", "or") and isinstance(each, Ref) and each.to_json().get("$op") == name:
            done.extend(cast(list[object], each.to_json()["args"]))
        else:
            done.append(expr)
    return Ref({"$op": name, "args": done})
