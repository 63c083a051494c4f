"""The stack of `make run`: its parts, its payment service, its lock, and how it speaks."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aetheris_site.stack import checkout, ports, register
from aetheris_site.stack.parts import PAYMENTS_URL
from tests.stack import toys


def _names(folder: Path, **env: str) -> list[str]:
    return [part.name for part in checkout.stack(toys.place(folder, env), print).parts]


def test_the_dev_profile_has_a_payment_service_and_prod_has_none(tmp_path: Path) -> None:
    assert _names(tmp_path) == ["payments", "api", "worker", "beat"]
    assert _names(tmp_path, AETHERIS_PROFILE="prod") == ["api", "worker", "beat"]


def test_a_payment_service_elsewhere_is_not_ours_to_start(tmp_path: Path) -> None:
    env = {PAYMENTS_URL: "https://payments.example"}
    assert _names(tmp_path, **env) == ["api", "worker", "beat"]
    assert checkout.stack(toys.place(tmp_path, env), print).payments == "https://payments.example"


def test_a_named_payment_service_here_gets_that_port(tmp_path: Path) -> None:
    env = {PAYMENTS_URL: "http://127.0.0.1:8123"}
    assert checkout.stack(toys.place(tmp_path, env), print).parts[0].port == 8123


def test_a_taken_payments_port_is_replaced_by_a_free_one_that_every_part_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: False)
    stack = checkout.stack(toys.place(tmp_path), print)
    assert stack.payments != "http://127.0.0.1:8099"
    assert stack.place.of_part("worker")[PAYMENTS_URL] == stack.payments


def test_nothing_of_a_stack_listens_to_the_network(tmp_path: Path) -> None:
    api = next(part for part in checkout.stack(toys.place(tmp_path), print).parts if part.name == "api")
    assert api.command[api.command.index("--host") + 1] == "127.0.0.1"


def test_two_commands_on_one_stack_wait_for_each_other(tmp_path: Path) -> None:
    place = toys.place(tmp_path)
    with register.locked(place, print), (place.folder / register.LOCK).open() as second:
        with pytest.raises(BlockingIOError):
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with register.locked(place, print):
        assert True


def test_a_reader_that_leaves_does_not_stop_the_work() -> None:
    script = "from aetheris_site.stack.say import aloud; import sys; aloud('a'); sys.stdin.read(); aloud('b'); aloud('c'); print('done', file=sys.stderr)"
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=toys.ROOT,
        env=os.environ,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert process.stdout.readline() == "a\n"
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == "done\n"
    assert process.returncode == 0
