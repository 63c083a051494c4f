"""What a tool is told about its call, and what it may answer."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger import vault


@dataclass(frozen=True)
class Landed:
    """Answer of a probe: the effect happened, and this was its result."""

    result: object = None


@dataclass(frozen=True)
class Absent:
    """Answer of a probe: the effect did not happen."""


@dataclass(frozen=True)
class Unknown:
    """Answer of a probe: nobody can tell yet."""

    reason: str = ""


class NotLanded(Exception):
    """Raised by a tool on purpose: the effect certainly did not happen.

    Args:
        reason: what happened, for the person who reads the job.
        permanent: another try would end the same way, so none is made.
        retry_after: seconds that the other side asked us to wait, if it did.
    """

    def __init__(
        self, reason: str = "", *, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.retry_after = retry_after


class Cancellation:
    """A flag that is raised once, from any thread, and tells whoever hooked on to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._raised = False
        self._hooks: list[Callable[[], object]] = []

    def is_raised(self) -> bool:
        """Whether `raise_flag` was called."""
        return self._raised

    def raise_flag(self) -> None:
        """Raise the flag and run the hooks; a second time does nothing."""
        with self._lock:
            self._raised = True
            hooks, self._hooks = self._hooks, []
        for hook in hooks:
            hook()

    def hook(self, then: Callable[[], object]) -> None:
        """Run `then` once when the flag is raised, at once if it is up already."""
        with self._lock:
            if not self._raised:
                self._hooks.append(then)
                return
        then()


@dataclass(frozen=True, eq=False)
class ToolCall:
    """One call as its tool sees it; a tool asks for it with a parameter named `call`.

    `idempotency_key` is the same for every attempt and after every take-over; send it to the other
    side. `deadline` is the database's time at which the runtime gives the call up; this host's clock may be another, so
    ask `seconds_left()`. `args` are the recorded
    arguments, which is what a probe has to go by. `compensates`, in a compensation, is the call to be undone: its
    keys, its attempt, its invocation.
    """

    idempotency_key: str
    business_key: str | None = None
    attempt: int = 1
    job_id: str = ""
    node: str = ""
    tool: str = ""
    tenant: str = "default"
    deadline: datetime.datetime | None = None
    ends: float | None = field(default=None, repr=False)  # the deadline on this host's monotonic clock
    invocation_id: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    compensates: ToolCall | None = None
    citations: list[dict[str, str | None]] = field(default_factory=list, repr=False)
    cancellation: Cancellation = field(default_factory=Cancellation, repr=False)

    def cite(self, doc_id: str, *, digest: str | None = None, source: str | None = None) -> None:
        """Note a document that the result rests on; it is kept with the outcome.

        Args:
            doc_id: the document's own name.
            digest: digest of what was read, if known.
            source: where it was read.

        Raises:
            ValueError: `doc_id` is empty or a value is no text.
        """
        for name, value in (("doc_id", doc_id), ("digest", digest), ("source", source)):
            if not (isinstance(value, str) or (value is None and name != "doc_id")):
                raise ValueError(f"cite in tool {self.tool!r}: {name} is {value!r}, it must be text")
        if not doc_id:
            raise ValueError(f"cite in tool {self.tool!r}: doc_id is empty; name the document")
        self.citations.append({"doc_id": doc_id, "digest": digest, "source": source})

    def secret(self, name: str) -> str:
        """Read a secret that this tool may read, as a reference in its arguments would: for a probe, or in the tool.

        Raises:
            ledger.vault.SecretUnavailable: it is unknown, not for this tool or tenant, or cannot be read now; an
                error that leaves the tool before it has done anything is best turned into `NotLanded`.
        """
        return vault.read(name, tool=self.tool, tenant=self.tenant)

    def seconds_left(self) -> float | None:
        """How long the runtime still waits for this call, whatever this host's clock says; None: it has no deadline."""
        if self.ends is not None:
            return self.ends - time.monotonic()
        if self.deadline is None:
            return None
        return (self.deadline - datetime.datetime.now(datetime.UTC)).total_seconds()

    def cancelled(self) -> bool:
        """Whether the runtime has given this call up; a long tool asks now and then and stops."""
        return self.cancellation.is_raised()

    def cancel(self) -> None:
        """Ask the tool to stop; an async tool is cancelled. The runtime's own verb, not a tool's."""
        self.cancellation.raise_flag()
