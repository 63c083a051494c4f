"""Starting: once, twice, under other settings, and when something is in the way."""

from __future__ import annotations

import socket

import psutil
import pytest

from aetheris_site.stack import ports, processes
from aetheris_site.stack.failures import StackError
from aetheris_site.stack.health import Watch
from tests.stack import toys
from tests.stack.toys import BROKEN, PLAIN, SILENT, Site, part


def test_every_part_runs_in_a_session_of_its_own_and_has_a_pid_file(site: Site) -> None:
    assert site.stack(part("a", PLAIN), part("b", PLAIN)).run()
    assert site.pid_files() == {"a", "b"}
    for name in ("a", "b"):
        assert psutil.Process(site.pid(name)).is_running()
        assert processes.leads(psutil.Process(site.pid(name)))


def test_running_twice_starts_nothing_new(site: Site) -> None:
    stack = site.stack(part("a", PLAIN))
    assert stack.run()
    before = site.pid("a")
    assert not site.stack(part("a", PLAIN)).run()
    assert site.pid("a") == before


def test_only_the_part_that_died_is_started_again(site: Site) -> None:
    toy = [part("a", PLAIN), part("b", PLAIN)]
    site.stack(*toy).run()
    first = (site.pid("a"), site.pid("b"))
    site.kill("b")
    assert site.stack(*toy).run()
    assert site.pid("a") == first[0]
    assert site.pid("b") != first[1]


def test_other_settings_restart_what_runs(site: Site) -> None:
    site.stack(part("a", PLAIN), env={"AETHERIS_AGENTS": "one"}).run()
    before = psutil.Process(site.pid("a"))
    assert site.stack(part("a", PLAIN), env={"AETHERIS_AGENTS": "two"}).run()
    assert not processes.lives(before)
    assert psutil.Process(site.pid("a")).environ()["AETHERIS_AGENTS"] == "two"
    assert "other settings" in site.said[1]


def test_a_clients_token_is_no_setting_of_the_stack(site: Site) -> None:
    site.stack(part("a", PLAIN)).run()
    assert not site.stack(part("a", PLAIN), env={"AETHERIS_TOKEN": "t", "AETHERIS_API_URL": "http://x"}).run()


@pytest.mark.parametrize("name", ["AETHERIS_DATABASE_URL", "AETHERIS_BROKER_URL", "PYTHONPATH"])
def test_the_environment_reaches_every_part(site: Site, name: str) -> None:
    site.stack(part("a", PLAIN), part("b", PLAIN), env={name: "x://y"}).run()
    assert [psutil.Process(site.pid(each)).environ()[name] for each in ("a", "b")] == ["x://y"] * 2


def test_a_part_that_ends_at_once_is_shown_with_its_log_and_takes_the_others_down(site: Site) -> None:
    with pytest.raises(StackError, match="b ended with code 1") as failed:
        site.stack(part("a", PLAIN), part("b", BROKEN)).run()
    assert "toy has no heart" in failed.value.lines
    assert site.pid_files() == set()
    assert list(processes.marked(site.folder / "bin")) == []


def test_a_failed_start_leaves_what_ran_before_as_it_was(site: Site) -> None:
    site.stack(part("a", PLAIN)).run()
    before = site.pid("a")
    with pytest.raises(StackError):
        site.stack(part("a", PLAIN), part("b", BROKEN)).run()
    assert site.pid("a") == before
    assert not site.stack(part("a", PLAIN)).run()


def test_a_part_that_never_says_it_is_up_is_named_at_the_deadline(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = iter([False, True])
    monkeypatch.setattr(Watch, "_over", lambda self, seconds: next(patience))
    with pytest.raises(StackError, match="a did not come up") as failed:
        site.stack(part("a", SILENT)).run()
    assert "it printed nothing" in failed.value.lines
    assert list(processes.marked(site.folder / "bin")) == []


def test_an_old_message_in_the_log_is_not_taken_for_a_new_one(site: Site) -> None:
    site.stack(part("a", PLAIN)).run()
    site.stack(part("a", PLAIN)).stop()
    with pytest.raises(StackError, match="a ended") as failed:
        site.stack(part("a", BROKEN)).run()
    assert toys.UP not in failed.value.lines


def test_an_interrupted_start_leaves_nothing_behind(site: Site) -> None:
    def interrupt(watch: Watch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        site.stack(part("a", PLAIN), ready=interrupt).run()
    assert list(processes.marked(site.folder / "bin")) == []
    assert site.pid_files() == set()


def test_a_busy_port_is_named_with_its_owner_and_nothing_is_started(site: Site) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(StackError) as refused:
            site.stack(part("a", PLAIN), part("api", PLAIN, port=port)).run()
        assert f"Port {port}" in str(refused.value)
        assert f"pid {psutil.Process().pid}" in str(refused.value)
        assert f"PORT={port + 1} make run" in str(refused.value)
    assert list(processes.marked(site.folder / "bin")) == []


def test_a_port_that_nobody_listens_on_is_free() -> None:
    assert ports.is_free(ports.any_free())
