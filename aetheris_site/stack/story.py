"""The refund story: a question to a person, a worker killed during the payment, and one refund all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import timeline
from .failures import StackError
from .say import Say
from .witness import Person, Refused, until

NODE = "pay"
_SOON = 30.0
_TAKEN_OVER = 90.0  # a lease must run out, a worker start and a probe be answered, on a busy machine


@dataclass
class Story:
    """Its people, and what has come out so far.

    Args:
        operator: asks for the refund.
        approver: may say yes to it.
        payments: the payment service.
        order_id: of the order.
        say: where it is told.
    """

    operator: Person
    approver: Person
    payments: Person
    order_id: str
    say: Say
    job: str = ""
    events: list[Any] = field(default_factory=list)

    def submit(self) -> None:
        """Ask for the refund."""
        body = {"agent": "refund", "goal": {"order_id": self.order_id}}

        def accepted() -> Any:
            try:
                return self.operator.post("/api/jobs", body)
            except Refused as no:
                if no.status in (404, 422):
                    return None  # the worker has not said yet which agents it offers
                raise

        self.job = until("a worker offers the agent refund", accepted, seconds=_SOON)["id"]
        self.say(f"2. The operator submits the agent `refund` for order {self.order_id}: job {self.job}.")

    def park(self) -> Any:
        """Wait for the question. Returns it."""

        def asked() -> Any:
            self._fail_if_over()
            open_ones = self.approver.all("/api/approvals?state=open")
            return next((each for each in open_ones if each["job"] == self.job), None)

        question = until("the job asks for approval", asked, seconds=_SOON)
        until("the job parks", lambda: self._status() == "parked", seconds=_SOON)
        shown = "; ".join(f"{name}: {_words(each)}" for name, each in question["shown"].items())
        self.say("3. It reads the order and parks: no worker is held while people think.")
        self.say(f"   It asks {', '.join(question['groups'])}: “{question['question']}”   shown: {shown}")
        for each in question["releases"]:
            self.say(f"   A yes releases exactly {each['tool']}({_words(each['args'])}).")
        return question

    def decide(self, question: Mapping[str, Any]) -> None:
        """The operator may not answer, the approver may. Raises StackError if the operator may."""
        path = f"/api/approvals/{question['id']}/decide"
        yes = {"decision": "approve", "digest": question["digest"]}
        try:
            self.operator.post(path, yes)
        except Refused as no:
            if no.status != 403:
                raise
            self.say(
                f"4. Nobody answers their own request. The operator tries, and is refused (403): {no.detail}"
            )
        else:
            raise StackError("The operator could approve a request of their own; that must never be.")
        self.payments.post("/mode", {"mode": "hang", "times": 1})
        self.say("5. The payment service is told to carry the next refund out, and then never to answer.")
        self.approver.post(path, {**yes, "comment": "checked with the customer"})
        self.say("6. The approver approves what was shown.")

    def hang(self) -> str:
        """Wait until the call hangs. Returns the id of the worker that makes it."""

        def hanging() -> bool:
            self._fail_if_over()
            return bool(self.payments.get("/stats")["hanging"] == 1)

        until("the refund call hangs at the payment service", hanging, seconds=_SOON)
        return self.worker_of_pay()

    def worker_of_pay(self) -> str:
        """The worker that claimed the payment last."""
        self.events = self.operator.all(f"/api/jobs/{self.job}/events?limit=1000")
        claims = [each for each in self.events if each["type"] == "node_started" and each["node"] == NODE]
        if not claims:
            raise StackError(f"No worker has claimed the step {NODE!r} of job {self.job}.")
        return str(claims[-1]["body"]["worker"])

    def release(self) -> None:
        """Let the hanging call go; there is nobody to hear its answer."""
        self.payments.post("/release")

    def complete(self) -> None:
        """Wait for the end. Raises StackError if it is another one than completion."""

        def completed() -> bool:
            self._fail_if_over()
            return self._status() == "completed"

        until("the job is completed by the other worker", completed, seconds=_TAKEN_OVER)

    def _status(self) -> str:
        return str(self.operator.get(f"/api/jobs/{self.job}")["status"])

    def _fail_if_over(self) -> None:
        job = self.operator.get(f"/api/jobs/{self.job}")
        if job["status"] in ("failed", "cancelled"):
            raise StackError(f"Job {self.job} {job['status']}: {job['error']}")

    def report(self, names: Mapping[str, str], killed: str) -> bool:
        """Print the timeline and the proof. Returns whether everything is as it must be."""
        finisher = self.worker_of_pay()
        stats = self.payments.get("/stats")
        proof = self.operator.post(f"/api/jobs/{self.job}/verify")
        self.say("\nWhat happened, as the job itself has kept it:")
        for line in timeline.lines(self.events, names):
            self.say(line)
        last = self.events[-1]
        facts = {
            f"the payment service saw {stats['refunds']} refund ({stats['calls']} call, {stats['total']} cents)": (
                stats["refunds"] == 1
            ),
            f"killed during the call  {names.get(killed, '?')} {killed}": True,
            f"finished the job        {names.get(finisher, '?')} {finisher}": finisher != killed,
            f"the job is {self._status()}": self._status() == "completed",
            f"the chain of {len(self.events)} events holds, head {last['hash'][:16]}…": proof.get("ok")
            is True,
        }
        self.say("\nWhat is proven:")
        for fact, holds in facts.items():
            self.say(f"  {'yes' if holds else 'NO '}  {fact}")
        if proof.get("ok") is not True:
            self.say(f"       {proof.get('problem')}")
        return all(facts.values())


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return str(value)
