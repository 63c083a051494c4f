"""What is printed: aligned text, one JSON document, and nothing that a terminal would obey."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aetheris_site.cli.root import SECTIONS, cli
from aetheris_site.cli.words import clean, compact, line
from tests.faces.command_line import Desk, aetheris, job, ok, page

JOB = job()["id"]
NAMES = [name for names in SECTIONS.values() for name in names if name not in ("token", "log", "webhooks")]
NAMES += [
    f"log {verb}"
    for verb in ("latest", "checkpoints", "inclusion", "consistency", "check", "keys", "anchors", "verify")
]
NAMES += [
    f"webhooks {verb}"
    for verb in ("list", "add", "rotate", "test", "disable", "enable", "remove", "deliveries")
]
NAMES += ["token create", "token list", "token revoke"]
NAMES += [f"agents {verb}" for verb in ("create", "show", "message", "pause", "resume", "delete")]


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_every_command_has_an_example(name: str) -> None:
    ended = aetheris(*name.split(), "--help")
    assert ended.code == 0
    assert f"Example:\n    aetheris {name}" in ended.out
    assert "--json" in ended.out


def test_help_lists_every_command() -> None:
    text = aetheris("--help").out
    listed = {words[0] for words in (each.split() for each in text.splitlines()) if words}
    assert {name for names in SECTIONS.values() for name in names} <= listed
    assert set(cli.commands) <= listed


def test_tables_are_aligned_text_where_no_terminal_is() -> None:
    rows = page(job(), job(agent="a-very-long-name", status="parked", goal={"n": "x\ny"}))
    first, second, third = aetheris("jobs", desk=Desk({"GET /api/jobs": rows})).out.splitlines()
    assert first.split() == ["JOB", "AGENT", "STATUS", "CREATED", "PARKED", "ON", "GOAL"]
    for word, title in (("running", "STATUS"), ("2026-11-22", "CREATED")):
        assert second.index(word) == first.index(title)
    assert third.index("parked") == first.index("STATUS")


def test_a_list_with_json_is_the_list_of_results_in_ascii() -> None:
    ended = aetheris("jobs", "--json", desk=Desk({"GET /api/jobs": page(job(goal={"name": "Jürgen\u202e"}))}))
    assert ended.json[0]["goal"] == {"name": "Jürgen\u202e"}
    assert ended.out.isascii()
    assert aetheris("jobs", "--json", desk=Desk({"GET /api/jobs": page()})).json == []


@pytest.mark.parametrize("args", [("--json", "job", JOB), ("job", JOB, "--json"), ("job", "--json", JOB)])
def test_common_options_stand_before_or_after_the_command(args: tuple[str, ...]) -> None:
    assert aetheris(*args, desk=Desk({f"GET /api/jobs/{JOB}": ok(job())})).json["id"] == JOB


def test_an_empty_list_says_so_beside_the_answer() -> None:
    ended = aetheris("approvals", desk=Desk({"GET /api/approvals": page()}))
    assert (ended.code, ended.out, ended.err) == (0, "", "Nothing waits for a person.\n")


def test_more_jobs_than_the_limit_are_announced_and_not_printed() -> None:
    desk = Desk({"GET /api/jobs": page(*(job(id=str(number)) for number in range(5)))})
    ended = aetheris("jobs", "--limit", "3", "--status", "parked", "--status", "failed", desk=desk)
    assert [words.split()[0] for words in ended.out.splitlines()] == ["JOB", "0", "1", "2"]
    assert "more than 3" in ended.err
    assert desk.asked[0].url.params.get_list("status") == ["parked", "failed"]
    assert len(aetheris("jobs", "--limit", "3", "--json", desk=desk).json) == 3


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert clean("a\x1b[2J\x07\u202eb\x9b\u2028") == "a\\x1b[2J\\x07\\u202eb\\x9b\\u2028"
    assert clean("ä → 日本 🙂\n\t") == "ä → 日本 🙂\n\t"
    assert line("a\nb\tc") == "a\\nb\\tc"
    assert compact({"a": "\x1b", "b": [1.5, None]}) == '{"a": "\\u001b", "b": [1.5, null]}'


def test_a_token_is_never_printed() -> None:
    desk = Desk({"GET /api/jobs": page(job())})
    ended = aetheris("--token", "aeth_secret", "jobs", desk=desk)
    assert desk.asked[0].headers["Authorization"] == "Bearer aeth_secret"
    assert "aeth_secret" not in ended.out + ended.err
    assert ended.code == 0


def test_the_page_about_the_command_line_names_every_command() -> None:
    page_text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
    named = {found.split()[0] for found in re.findall(r"`([a-z]+(?: [^`]*)?)`", page_text)}
    assert {name for names in SECTIONS.values() for name in names} <= named
