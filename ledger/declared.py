"""One tool as its author declared it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar, overload

from ledger.compensation import Compensation, compensation_of, takes_call_and_result
from ledger.rate import Rate
from ledger.retry import Retry
from ledger.schema import Arguments, BadArguments, digest

BUSINESS_KEY_LIMIT = 512
MISMATCH = ("strict", "park", "warn")
AS_LONG_AS_THE_LEASE_ALLOWS = math.inf  # the timeout of a transactional tool that declares none
Effect = Literal["pure", "idempotent", "at_most_once", "transactional"]
Function = Callable[..., Any]
F = TypeVar("F", bound=Callable[..., Any])
# Told of what reaches for the world while a record is replayed; it refuses by raising. None: nobody watches.
watchman: ContextVar[Callable[[str], object] | None] = ContextVar("aetheris_watchman", default=None)


@contextmanager
def unwatched() -> Iterator[None]:
    """Nobody watches what is done in the block: it is a tool's, and may touch the world."""
    token = watchman.set(None)
    try:
        yield
    finally:
        watchman.reset(token)


@dataclass(frozen=True, eq=False)
class Tool:
    """A registered tool. Calling it runs the plain function: no ledger, no retry, no timeout."""

    name: str
    fn: Function
    effect: Effect = "at_most_once"
    timeout: float = 60.0
    retry: Retry = Retry()
    requires: tuple[str, ...] = ()
    rate: Rate | None = None
    key: Function | None = None
    version: str = "1"
    description: str = ""
    probe_fn: Function | None = None
    probe_final: bool = False
    confirm_fn: Function | None = None
    confirm_mode: str = ""  # what follows where the world does not show the effect: strict, park, warn
    compensation: Compensation | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.watched(f"tool {self.name}")
        return self.fn(*args, **kwargs)

    def watched(self, what: str) -> None:
        """Tell the watchman, if there is one, of a direct call; he refuses it by raising."""
        if (refuse := watchman.get()) is not None:
            refuse(f"a direct call of {what}")

    @overload
    def probe(self, fn: F) -> F: ...
    @overload
    def probe(self, *, final: bool = False) -> Callable[[F], F]: ...
    def probe(self, fn: F | None = None, *, final: bool = False) -> F | Callable[[F], F]:
        """Decorate `(call) -> Landed | Absent | Unknown`, which asks the world how a call ended.

        Args:
            fn: the probe, when used without brackets.
            final: an `Absent` of this probe can no longer become false (the other side refuses or
                dedupes a late arrival), so the call may be made again without a person.

        Raises:
            ValueError: the tool has a probe already, is pure, or is transactional.
        """

        def keep(probe: F) -> F:
            self._keep("probe", probe, probe_fn=probe, probe_final=final)
            return probe

        return keep if fn is None else keep(fn)

    @overload
    def confirm(self, fn: F) -> F: ...
    @overload
    def confirm(self, *, on_mismatch: str = "strict") -> Callable[[F], F]: ...
    def confirm(self, fn: F | None = None, *, on_mismatch: str = "strict") -> F | Callable[[F], F]:
        """Decorate `(call, result) -> bool`: whether the landed effect still stands in the world. It only looks.

        Args:
            fn: the function, when used without brackets.
            on_mismatch: what follows if a job that goes on after a wait finds that it does not: it fails (`"strict"`),
                it parks for a person (`"park"`), or no more than the record of it (`"warn"`).

        Raises:
            ValueError: the tool has one already, or is pure; `on_mismatch` is another word; the function does not take
                `(call, result)`.
        """
        if on_mismatch not in MISMATCH:
            raise ValueError(
                f"tool {self.name!r}: on_mismatch is {on_mismatch!r}, it must be one of {', '.join(MISMATCH)}"
            )

        def keep(confirm: F) -> F:
            takes_call_and_result(confirm, f"the confirm function of tool {self.name!r}", "confirm")
            self._keep("confirm", confirm, confirm_fn=confirm, confirm_mode=on_mismatch)
            return confirm

        return keep if fn is None else keep(fn)

    @overload
    def compensate(self, fn: Function) -> Compensation: ...
    @overload
    def compensate(
        self, *, effect: str = "at_most_once", timeout: float | str | None = None, retry: Retry | None = None
    ) -> Callable[[Function], Compensation]: ...
    def compensate(
        self, fn: Function | None = None, **options: Any
    ) -> Compensation | Callable[[Function], Compensation]:
        """Decorate `(call, result)`, which undoes a landed effect; bare, or with options.

        Args:
            fn: the function, when used without brackets.
            options: `effect` of the undoing itself (`"at_most_once"`, the default, or `"idempotent"`), `timeout` of
                one attempt and `retry` (default: those of the tool).

        Returns:
            The `Compensation`; it takes a probe of its own.

        Raises:
            ValueError: the tool has one already, or is pure; an option or the function's parameters do not fit.
        """
        if fn is None:
            return lambda function: self._compensated(function, **options)
        return self._compensated(fn, **options)

    def _compensated(
        self,
        fn: Function,
        *,
        effect: str = "at_most_once",
        timeout: float | str | None = None,
        retry: Retry | None = None,
    ) -> Compensation:
        made = compensation_of(self, fn, effect, timeout, retry)
        self._keep("compensation", fn, compensation=made)
        return made

    def _keep(self, what: str, fn: Function, **fields: object) -> None:
        if not callable(fn):
            raise ValueError(f"tool {self.name!r}: @{what} decorates a function, not {fn!r}")
        if self.effect == "pure":
            raise ValueError(
                f"tool {self.name!r} is pure and leaves no effect: remove its {what} or change effect="
            )
        if self.effect == "transactional" and what == "probe":
            raise ValueError(
                f"tool {self.name!r} is transactional: its effect is written with its outcome or not at all, so there "
                "is nothing to probe; remove the probe"
            )
        if any(getattr(self, name) for name in fields if not name.endswith(("_final", "_mode"))):
            raise ValueError(f"tool {self.name!r} has a {what} already: remove one of the two")
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def is_async(self) -> bool:
        """Whether the function itself, not one that it wraps, is an `async def`."""
        return inspect.iscoroutinefunction(self.fn)

    @property
    def wants_call(self) -> bool:
        """Whether the function has a parameter named `call` for its `ToolCall`."""
        return "call" in inspect.signature(self.fn).parameters

    @cached_property
    def arguments(self) -> Arguments:
        """The arguments as the type hints promise them.

        Raises:
            BadSignature: a type hint cannot be read or has no JSON form.
        """
        return Arguments.of(self.fn, skip=("call",), what=f"tool {self.name!r}", references=True)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        return self.arguments.schema

    @cached_property
    def schema_digest(self) -> str:
        """Digest of `schema`: workers with the same digest take the same arguments."""
        return digest(self.schema)

    def for_model(self) -> dict[str, Any]:
        """The tool as it is offered to a language model: `{name, description, parameters}`."""
        return {"name": self.name, "description": self.description, "parameters": self.schema}

    def business_key(self, args: Mapping[str, Any]) -> str | None:
        """The tool's own key of a call, or None where it has none.

        Args:
            args: JSON arguments as `validate_args` returned them.

        Raises:
            BadArguments: `key=` raised, or gave something other than 1 to 512 characters or None.
        """
        if self.key is None:
            return None
        what = f"tool {self.name!r}"
        bound = self.arguments.bind(args)
        try:
            key = self.key(**bound)
        except Exception as error:  # the author's function: whatever it raises, nothing was promised
            msg = f"key= raised {type(error).__name__}: {error}"
            raise BadArguments(what, [{"loc": [], "msg": msg}]) from error
        if key is None:
            return None
        if not isinstance(key, str) or not 0 < len(key) <= BUSINESS_KEY_LIMIT or "\x00" in key:
            msg = (
                f"key= gave {key!r:.200}; it must be text of 1 to {BUSINESS_KEY_LIMIT} characters without NUL"
            )
            raise BadArguments(what, [{"loc": [], "msg": msg}])
        return key
