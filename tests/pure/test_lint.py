"""The linter finds what leads a planner or workflow elsewhere, at its line, and lets everything else be."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.lint import CODES, lint
from forensics.lint.flake8 import Plugin

HEAD = """
import asyncio, datetime, os, random, secrets, socket, subprocess, threading, time, uuid
import time as t
from datetime import datetime as moment, date
from pathlib import Path
from time import monotonic
import httpx, requests
from django.utils import timezone
from jobs import agent, workflow
from ledger import tool

SEEN = {}
COUNT = 0
LIMITS = (1, 2)

@tool
def pay(cents: int): return time.time()

@pay.probe
def _(call): return open("x")

def bump():
    global COUNT
    COUNT += 1
"""
# a line in a workflow -> the code that it breaks
BREACHES = {
    "time.time()": "AET001", "t.perf_counter()": "AET001", "monotonic()": "AET001", "moment.now()": "AET001",
    "date.today()": "AET001", "datetime.datetime.now(datetime.UTC)": "AET001", "timezone.now()": "AET001",
    "time.sleep(1)": "AET001", "time.localtime()": "AET001", "time.strftime('%H')": "AET001",
    "ctx.tool(pay, at=sorted([2], key=time.time))": "AET001",
    "random.random()": "AET002", "random.choice([1])": "AET002", "random.Random().random()": "AET002",
    "uuid.uuid4()": "AET002", "secrets.token_hex()": "AET002", "os.urandom(4)": "AET002",
    "requests.get('x')": "AET003", "httpx.Client()": "AET003", "socket.create_connection(('x', 1))": "AET003",
    "open('x')": "AET004", "Path('x').read_text()": "AET004", "os.listdir('.')": "AET004", "os.path.exists('x')": "AET004",
    "subprocess.run(['x'])": "AET005", "os.system('x')": "AET005",
    "threading.Thread(target=pay)": "AET006", "asyncio.run(pay())": "AET006",
    "os.environ['X']": "AET007", "os.environ.get('X')": "AET007", "os.getenv('X')": "AET007", "os.getpid()": "AET007",
    "SEEN['x'] = 1": "AET008", "SEEN.update(x=1)": "AET008", "del SEEN['x']": "AET008", "x = COUNT": "AET008", "bump()": "AET008",
    "for x in {1, 2}: ctx.tool(pay, cents=x)": "AET009", "[ctx.tool(pay, cents=x) for x in set(goal)]": "AET009",
    "x = set(goal); y = list(x)": "AET009", "for x in set(goal) | {3}: ctx.sleep(x)": "AET009",
    "pay(1)": "AET011",
    "try: ctx.sleep(1)\n    except: pass": "AET012", "try: ctx.sleep(1)\n    except BaseException: return 1": "AET012",
    "Order.objects.get(id=1)": "AET013",
}  # fmt: skip
AWAITS = {
    "await client.get('x')": "AET010", "await asyncio.sleep(1)": "AET001", "await asyncio.gather(ctx.tool(pay))": "AET006",
    "async with httpx.AsyncClient() as c: pass": "AET003", "async for x in stream(): pass": "AET010",
}  # fmt: skip
SOUND = [
    "ctx.tool(pay, cents=1)", "ctx.now()", "ctx.random()", "ctx.sleep('1h')", "random.Random(7).random()",
    "time.strftime('%H', goal)", "time.gmtime(0)", "for x in sorted({1, 2}): ctx.sleep(x)", "len({1, 2})",
    "sum(x for x in {1, 2})", "uuid.uuid5(uuid.NAMESPACE_DNS, 'x')", "datetime.datetime(2026, 1, 1)", "x = LIMITS[0]",
    "SEEN = {}; SEEN['x'] = 1", "x = SEEN.get('y')", "try: ctx.sleep(1)\n    except Exception: pass",
    "try: ctx.sleep(1)\n    except BaseException: raise", "time = goal; x = time.time", "os.path.join('a', 'b')",
    "ctx.state['x'] = 1", "datetime.datetime.fromisoformat('2026-01-01')", "open = goal; open('x')",
]  # fmt: skip


def body(line: str, *, head: str = "def step(ctx, goal):", mark: str = "@workflow") -> str:
    return f"{HEAD}\n{mark}\n{head}\n    {line}\n"


@pytest.mark.parametrize("line", BREACHES)
def test_a_breach_is_found_at_its_line_in_every_kind_of_step(line: str) -> None:
    text = body(line)
    found = lint(text, "agents.py")
    assert BREACHES[line] in {each.code for each in found}
    for each in found:
        assert each.path == "agents.py"
        assert 0 < each.column <= len(text.splitlines()[each.line - 1])
    planner = lint(body(line, head="def plan(goal):", mark='@agent("x", version="2")'))
    by_ctx = lint(body(line, mark=""))
    by_call = lint(body(line, head="def late(goal, more):", mark="") + '\nagent("x")(workflow(late))\n')
    for other in (planner, by_ctx, by_call):
        assert BREACHES[line] in {each.code for each in other}
    assert lint(body(line, mark="@tool")) == []


@pytest.mark.parametrize("line", AWAITS)
def test_what_is_awaited_must_come_from_ctx(line: str) -> None:
    assert AWAITS[line] in {each.code for each in lint(body(line, head="async def step(ctx, goal):"))}


@pytest.mark.parametrize(
    "line",
    ["await ctx.tool(pay)", "await helper(ctx)", "await arm", "x = await ctx.gather(one(ctx), ctx.now())"],
)
def test_what_comes_from_ctx_may_be_awaited(line: str) -> None:
    assert lint(body(line, head="async def step(ctx, goal):")) == []


@pytest.mark.parametrize("line", SOUND)
def test_what_leads_nowhere_else_is_let_be(line: str) -> None:
    assert lint(body(line)) == []


def test_functions_that_a_step_calls_are_looked_at_and_others_are_not() -> None:
    text = HEAD + """
class Plans:
    def draw(self): return self.stamp()
    def stamp(self): return time.time()

def helper(x): return deeper(x)
def deeper(x): return random.random()
def never(): return time.time()

@workflow
def step(ctx, goal):
    helper(1)
    Plans.draw(goal)
"""  # fmt: skip
    found = lint(text)
    assert [(each.code, each.step) for each in found] == [("AET001", "step"), ("AET002", "step")]
    assert "step, which calls deeper" in found[1].message


def test_a_line_takes_its_finding_back_by_code() -> None:
    for comment, left in (
        ("# noqa: AET001", 0),
        ("# noqa", 0),
        ("# noqa: E501, AET001", 0),
        ("# noqa: AET002", 1),
        ("# no", 1),
    ):
        assert len(lint(body(f"time.time()  {comment}"))) == left, comment


def test_further_decorators_may_be_named() -> None:
    text = body("time.time()", head="def step(goal, x):", mark="@flows.flow")
    assert lint(text) == []
    assert [each.code for each in lint(text, decorators=["flow"])] == ["AET001"]


def test_a_file_that_is_no_python_is_a_finding() -> None:
    assert [each.code for each in lint("def (", "x.py")] == ["AET000"]


def test_every_code_is_tried_and_says_what_to_write() -> None:
    assert {*BREACHES.values(), *AWAITS.values(), "AET000"} == set(CODES)
    assert all(title and instead for title, instead in CODES.values())


def test_flake8_gets_the_same_findings() -> None:
    text = body("time.time()  # noqa: AET002")
    [(line, column, message, owner)] = list(
        Plugin(ast.parse(text), "x.py", text.splitlines(keepends=True)).run()
    )
    [found] = lint(text)
    assert (line, column, message) == (found.line, found.column - 1, f"{found.code} {found.message}")
    assert owner is Plugin


WORDS = st.sampled_from(
    [
        "ctx",
        "goal",
        "time",
        "SEEN",
        "x",
        "set",
        "(",
        ")",
        ".",
        "=",
        "await",
        "for",
        "in",
        "\n",
        "    ",
        ":",
        "try",
        "{",
        "}",
    ]
)


@given(st.lists(WORDS, max_size=30))
def test_no_text_breaks_the_linter(words: list[str]) -> None:
    for each in lint(" ".join(words)) + lint(body(" ".join(words).replace("\n", " "))):
        assert each.code in CODES
