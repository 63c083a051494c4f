"""Stopping: everything that is ours ends, children included, and nothing else."""

from __future__ import annotations

import json
import subprocess

import psutil
import pytest

from aetheris_site.stack import processes, register
from tests.stack import toys
from tests.stack.toys import DEAF, ESTRANGED, PARENT, PLAIN, Site, part

PAYING = (
    "import signal, sys\n"
    "def end(*_):\n"
    "    print('ended', flush=True)\n"
    "    sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    f"print('{toys.UP}', flush=True)\n"
    "while True: signal.pause()\n"
)


def _nothing_is_left(site: Site) -> bool:
    return not list(processes.marked(site.folder / "bin")) and site.pid_files() == set()


def test_stop_ends_every_part_and_removes_the_pid_files(site: Site) -> None:
    stack = site.stack(part("a", PLAIN), part("b", PLAIN))
    stack.run()
    stack.stop()
    assert _nothing_is_left(site)


def test_a_second_stop_finds_nothing_and_is_no_error(site: Site) -> None:
    stack = site.stack(part("a", PLAIN))
    stack.run()
    stack.stop()
    stack.stop()
    assert site.said[-1] == "Nothing runs."


def test_a_part_that_ignores_the_request_is_killed_after_its_grace(site: Site) -> None:
    stack = site.stack(part("a", DEAF, grace=0.2))
    stack.run()
    stack.stop()
    assert _nothing_is_left(site)
    assert any(line.startswith("Killed after 0.2 s: a (") for line in site.said)


@pytest.mark.parametrize("script", [PARENT, ESTRANGED])
def test_the_children_of_a_part_end_with_it(site: Site, script: str) -> None:
    stack = site.stack(part("a", script))
    stack.run()
    child = psutil.Process(site.child_of("a"))
    stack.stop()
    assert not processes.lives(child)
    assert _nothing_is_left(site)


@pytest.mark.parametrize("script", [PARENT, ESTRANGED])
def test_the_children_of_a_killed_part_end_too(site: Site, script: str) -> None:
    stack = site.stack(part("a", script))
    stack.run()
    child = psutil.Process(site.child_of("a"))
    site.kill("a")
    assert processes.lives(child)
    stack.stop()
    assert not processes.lives(child)


def test_the_last_part_ends_when_all_others_have(site: Site) -> None:
    stack = site.stack(part("world", PAYING, last=True), part("a", DEAF, grace=0.2))
    stack.run()
    stack.stop()
    assert site.said.index(next(line for line in site.said if "Stopped a" in line)) < site.said.index(
        next(line for line in site.said if "Stopped world" in line)
    )


def test_a_pid_that_another_program_has_now_is_left_alone(
    site: Site, bystander: subprocess.Popen[bytes]
) -> None:
    stack = site.stack(part("a", PLAIN))
    stack.run()
    stack.stop()
    settings = site.folder / "bin" / register.SETTINGS
    born = psutil.Process(bystander.pid).create_time() - 60
    births = {"a": (bystander.pid, born)}
    settings.write_text(json.dumps({"digest": stack.place.digest, "payments": "", "births": births}))
    (site.folder / "bin" / "a.pid").write_text(f"{bystander.pid}\n")
    stack.stop()
    assert bystander.poll() is None
    assert stack.run()
    assert site.pid("a") != bystander.pid


def test_a_part_whose_pid_file_is_lost_is_ended_all_the_same(site: Site) -> None:
    stack = site.stack(part("a", PLAIN))
    stack.run()
    lost = psutil.Process(site.pid("a"))
    register.forget(stack.place)
    stack.stop()
    assert not processes.lives(lost)


def test_a_start_first_ends_what_an_earlier_one_has_lost(site: Site) -> None:
    stack = site.stack(part("a", PLAIN))
    stack.run()
    lost = psutil.Process(site.pid("a"))
    register.forget(stack.place)
    stack.run()
    assert not processes.lives(lost)
    assert "left behind" in site.said[1]


def test_another_stacks_processes_are_left_alone(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Site(tmp_path_factory.mktemp("other"))
    other.stack(part("a", PLAIN)).run()
    theirs = psutil.Process(other.pid("a"))
    stack = site.stack(part("a", PLAIN))
    stack.run()
    stack.stop()
    assert processes.lives(theirs)
    other.stack(part("a", PLAIN)).stop()
