"""How the windows of retention are played."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from jobs import submit
from tests.factories import person
from tests.fatal.stage import Stage
from tests.fatal.windows.attending import Attendant
from tests.fatal.windows.window import Window


def retention(stage: Stage, window: Window) -> Attendant:
    """A job ends and its time is over; who takes it away dies, a second one goes on; another job is left alone."""
    old = str(submit("fatal-graph", window.goal, actor=person(), tags=["old"]))
    stage.worker(slots=1)
    stage.until_status(old, "completed")
    head, paid = stage.job(old)["head_hash"], stage.counts(old)
    job = Attendant(stage, window, stage.submit_goal(window.form, window.goal))
    folder = stage.folder / "archive"
    policies = json.dumps([{"tag": "old", "keep": "1ms", "archive": str(folder)}])
    told = ("manage", ["aetheris_retention"])
    first = stage.start(*told, AETHERIS_RETENTION=policies, AETHERIS_CRASH=window.at)
    stage.until(lambda: not first.alive, f"retention to die at {window.at!r}", ticking=False)
    gone = window.point == "after_prune"
    assert (stage.jobs_named(old) == []) == gone, stage.story()
    second = stage.start(*told, AETHERIS_RETENTION=policies)
    stage.until(lambda: not second.alive, "retention to end", ticking=False)

    def gone_once() -> None:
        stones = stage.tombstones()
        assert [each["head_hash"] for each in stones] == [head], second.said
        assert stage.jobs_named(old) == stage.events(old) == []
        packages = list(folder.rglob("*.zip"))
        assert [str(each) for each in packages] == [stones[0]["archive"]]
        assert sha256(Path(stones[0]["archive"]).read_bytes()).hexdigest() == stones[0]["archive_sha256"]
        assert paid == [1]

    job.afterwards = gone_once
    return job
