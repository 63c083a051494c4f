"""The broker of files under real workers: threads, two processes, kills."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.brokers.workers import Site, until

THREADS = 4


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(f"aetheris+files://{tmp_path}/broker", tmp_path)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.fatal
def test_a_kill_loses_only_the_tasks_that_were_in_flight_and_the_other_worker_goes_on(site: Site) -> None:
    options = ("-P", "threads", "-c", str(THREADS))
    with site.worker("first", *options) as first, site.worker("second", *options) as second:
        for number in range(300):
            site.send("note", number)
        until(lambda: len(site.lines("end")) >= 100, first, second)
        first.kill()
        for number in range(300, 320):
            site.send("note", number)
        until(lambda: len(site.lines("end")) >= 320 - THREADS, second)
        assert second.stop() == 0, second.tail()
    ended = Counter(site.lines("end"))
    assert set(ended.values()) == {1}
    assert {str(number) for number in range(300, 320)} <= ended.keys()
    assert files(site.folder / "broker" / "queues") == []
    assert files(site.folder / "broker" / "broken") == []


def test_two_workers_answer_a_ping_and_nothing_of_it_stays_behind(site: Site) -> None:
    with site.worker("first", "-c", "2") as first, site.worker("second", "-c", "2") as second:
        control = site.app.control.inspect(destination=["first@toy", "second@toy"], timeout=20)
        for _ in range(3):
            assert control.ping() == {"first@toy": {"ok": "pong"}, "second@toy": {"ok": "pong"}}
        queues = site.folder / "broker" / "queues"
        until(lambda: files(queues) == [], first, second)
        assert {path.name for path in queues.iterdir()} == {
            "aetheris",
            "first%40toy%2Ecelery%2Epidbox",
            "second%40toy%2Ecelery%2Epidbox",
        }


def test_a_worker_that_meets_a_damaged_file_sets_it_aside_and_goes_on(site: Site) -> None:
    with site.worker("first", "-c", "2") as first:
        site.send("note", 0)
        until(lambda: site.lines("end") == ["0"], first)
        queue = site.folder / "broker" / "queues" / "aetheris"
        damaged = {"0-half": '{"body": "W1', "0-other": "[1]", "0-binary": "\udcff", "0-empty": ""}
        for name, text in damaged.items():
            (queue / name).write_text(text, errors="surrogateescape")
        (queue / "0-folder").mkdir()
        site.send("note", 1)
        until(lambda: site.lines("end") == ["0", "1"], first)
        until(lambda: list(queue.iterdir()) == [], first)
        assert len(list((site.folder / "broker" / "broken").iterdir())) == len(damaged) + 1


def test_a_worker_outlives_the_loss_of_its_folder(site: Site) -> None:
    with site.worker("first", "-c", "2") as first:
        (site.folder / "broker").rename(site.folder / "gone")
        site.send("note", 1)
        until(lambda: site.lines("end") == ["1"], first)
