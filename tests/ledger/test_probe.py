"""A probe answers, or nothing is known; and a test process can be made to die around a call."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from ledger.crashpoints import EXIT_STATUS, parse
from ledger.hand import touch_probe
from ledger.outcomes import Absent, Landed, ToolCall, Unknown
from ledger.tools import Tool


def ask(probe: Any, timeout: float = 30.0, call: ToolCall | None = None) -> Landed | Absent | Unknown:
    made = Tool(name="pay", fn=lambda: None, probe_fn=probe)
    return touch_probe(made, call or ToolCall(idempotency_key="k"), timeout)


def test_the_three_answers_are_passed_on() -> None:
    async def later(call: ToolCall) -> Absent:
        return Absent()

    assert ask(lambda call: Landed({"key": call.idempotency_key})) == Landed({"key": "k"})
    assert ask(later) == Absent()
    assert ask(lambda call: Unknown("asked in vain")) == Unknown("asked in vain")


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (None, "tool 'pay' has no probe"),
        (lambda call: 1 // 0, "ZeroDivisionError"),
        (lambda call: True, "gave bool"),
        (lambda call: None, "gave NoneType"),
        (lambda call: Absent, "gave the class Absent"),
        (lambda: Absent(), "TypeError"),
    ],
)
def test_anything_else_is_unknown_and_says_why(probe: Any, said: str) -> None:
    answer = ask(probe)
    assert isinstance(answer, Unknown)
    assert said in answer.reason


def test_a_probe_that_hangs_is_unknown() -> None:
    release = threading.Event()

    def hang(call: ToolCall) -> Absent:
        release.wait(30)
        return Absent()

    async def hang_async(call: ToolCall) -> Absent:
        await asyncio.Event().wait()
        return Absent()

    for probe in (hang, hang_async):
        answer = ask(probe, timeout=0.05)
        assert isinstance(answer, Unknown)
        assert "did not answer within 0.05 s" in answer.reason
    release.set()


def test_a_call_that_was_given_up_can_still_be_probed() -> None:
    call = ToolCall(idempotency_key="k")
    call.cancel()

    async def probe(asked: ToolCall) -> Landed:
        await asyncio.sleep(0)
        return Landed(asked.cancelled())

    assert ask(probe, call=call) == Landed(False)


PROGRAM = """
import json, sys
from ledger.hand import touch
from ledger.tools import Tool
from ledger.outcomes import ToolCall
def pay():
    print("paid", flush=True)
for n in range(3):
    touch(Tool(name="pay", fn=pay), {}, ToolCall(idempotency_key="k"), timeout=30, lease_ok=lambda: True)
print(json.dumps({"django": "django" in sys.modules}))
"""


def child(crash: str | None) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if name != "AETHERIS_CRASH"}
    if crash is not None:
        env["AETHERIS_CRASH"] = crash
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=env, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("crash", "paid", "status"),
    [
        ("before_call:1", 0, -signal.SIGKILL),
        ("before_call:2:KILL", 1, -signal.SIGKILL),
        ("after_call:2:EXIT", 2, EXIT_STATUS),
        ("after_claim:1", 3, 0),
    ],
)
def test_a_process_dies_at_the_told_passage_and_not_elsewhere(crash: str, paid: int, status: int) -> None:
    process = child(crash)
    out, _ = process.communicate(timeout=60)
    assert (out.count("paid"), process.returncode) == (paid, status)


def test_a_stopped_process_goes_on_when_it_is_continued() -> None:
    process = child("before_call:1:STOP")
    try:
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert out.count("paid") == 3


def test_the_hand_needs_no_django_and_dies_nowhere_by_itself() -> None:
    out, _ = child(None).communicate(timeout=60)
    assert json.loads(out.splitlines()[-1]) == {"django": False}


@pytest.mark.parametrize(
    "wrong", ["before_call", "before_call:0", "before_call:x", "before_call:1:MAIM", ":1"]
)
def test_a_crash_plan_that_cannot_be_read_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="AETHERIS_CRASH"):
        parse(wrong)
