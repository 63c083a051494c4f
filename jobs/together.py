"""One transactional call: the tool's rows and the event of its outcome are written together, or neither (design §5)."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError

from ledger import Tool
from ledger import services as ledger
from ledger.crashpoints import crashpoint
from ledger.tracebacks import described

from . import calls, store
from .calls import Claim, outcome_of, tell
from .core.commands import Outcome, Tell
from .core.errors import Illegal, Refused
from .core.state import Asked, JobState
from .promises import tool_call


class RolledBack(Exception):
    """The tool did not return what can be kept; its transaction goes with this exception."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.kind)
        self.outcome = outcome


def make(claim: Claim, tool: Tool, state: JobState, seconds: float) -> Outcome | None:
    """Make the promised call of a graph step, by the way that its tool asks for.

    Returns:
        The outcome to tell; None where it was written in the tool's own transaction: what follows is knocked for.
    """
    if tool.effect != "transactional":
        return calls.act(claim, tool, state, claim.node, seconds)
    done = act(claim, tool, state, claim.node, seconds)
    if isinstance(done, Outcome):
        return done
    crashpoint("after_outcome")
    return None


def act(claim: Claim, tool: Tool, state: JobState, path: str, seconds: float) -> store.Committed | Outcome:
    """Make the promised call inside the transaction that appends its outcome.

    Returns:
        What was committed; or an outcome that has still to be told: it was rolled back, nothing of it happened.

    Raises:
        Refused: the claim is over, or the job has ended; rolled back too.
    """
    crashpoint("after_promise")
    asked = state.calls[path]
    call = tool_call(state, asked)

    def work() -> Tell:
        touch = ledger.invoke_here(tool, asked.args, call, seconds=seconds, lease_ok=claim.me.lease_ok)
        if touch.seconds >= seconds:
            raise store.OutOfTime
        outcome = outcome_of(touch)
        if outcome.kind != "landed":
            raise RolledBack(outcome)
        return tell(claim, path, asked.attempt, outcome)

    claim.me.begin(claim.job, path, call.cancel)
    try:
        return store.commit_jointly(claim.job, work, seconds=seconds)
    except Exception as error:
        return _not_landed(asked, error, seconds)
    finally:
        claim.me.end(claim.job, path)


def _not_landed(asked: Asked, error: Exception, seconds: float) -> Outcome:
    """What an exception that rolled the call back means; a claim that is over has nothing to tell."""
    if isinstance(error, RolledBack):
        return _storable(asked, error.outcome)
    if isinstance(error, store.OutOfTime):
        message = f"the tool was not done within {seconds:g} s; what it wrote is rolled back"
        told = {"class": "TimeoutError", "message": message, "traceback_tail": "", "code": "timeout"}
        return Outcome("timeout", error=told, seconds=seconds)
    if isinstance(error, Illegal) and error.code == "job_ending":
        return Outcome("not_landed", error={"code": error.code, "message": str(error)}, permanent=True)
    if isinstance(error, Refused):
        raise error
    if isinstance(error, OperationalError | InterfaceError):  # no fault of the tool's: it is claimed again
        return Outcome("not_sent", error=described(error) | {"code": "rolled_back"})
    return Outcome("raised", error=described(error) | {"code": "raised"})


def _storable(asked: Asked, outcome: Outcome) -> Outcome:
    """A result that cannot be kept is not landed here: its rows went with it."""
    if outcome.kind != "unstorable":
        return outcome
    message = (
        f"tool {asked.name} answered, but its result cannot be stored: {outcome.value['reason']}; "
        "what it wrote is rolled back"
    )
    error = {"code": "result_unstorable", "message": message, **outcome.value}
    return Outcome("not_landed", error=error, permanent=True)
