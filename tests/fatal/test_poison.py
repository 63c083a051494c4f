"""A step that kills its process: its neighbours come through, and it is given up after a few deaths (design §6)."""

from __future__ import annotations

import json

import pytest

from jobs import submit
from jobs.core.state import SUSPECT
from jobs.core.telling import POISON
from tests.factories import person
from tests.fatal import killers
from tests.fatal.stage import Stage

pytestmark = [pytest.mark.fatal, pytest.mark.timeout(600)]
LONG = 2.0
SECONDS = 180.0


class Supervisor:
    """Starts a worker anew whenever one has died, as systemd or a container's platform would."""

    def __init__(self, stage: Stage, workers: int, slots: int) -> None:
        self.stage, self.slots, self.deaths = stage, slots, 0
        self.workers = [stage.worker(slots=slots) for _ in range(workers)]

    def look(self) -> None:
        """Bury the dead, and start others."""
        dead = [worker for worker in self.workers if not worker.alive]
        for worker in dead:
            self.deaths += 1
            self.workers.remove(worker)
            self.workers.append(self.stage.worker(slots=self.slots))

    def until_status(self, job: str, *wanted: str) -> None:
        """Wait for a status of a job."""

        def there() -> bool:
            self.look()
            return self.stage.status(job) in wanted

        self.stage.until(there, f"job {job} to be {' or '.join(wanted)}", seconds=SECONDS)


def poisoned(stage: Stage, job: str) -> None:
    """The job failed of poison, and only of that."""
    assert stage.status(job) == "failed", stage.story()
    told = json.dumps(json.loads(stage.job(job)["error"]))
    assert '"poison"' in told, told


def deaths_alone(stage: Stage, job: str) -> int:
    """How often a worker died that ran nothing but a step of this job."""
    alone: dict[str, bool] = {}
    count = 0
    for event in stage.events(job):
        body = json.loads(event["body"])
        if event["type"] == "node_started":
            alone[event["node"]] = bool(body.get("alone"))
        elif event["type"] == "lease_lost" and body["reason"] == "worker_dead":
            count += alone[event["node"]]
    return count


def test_eight_innocent_steps_come_through_beside_one_that_kills_its_process(stage: Stage) -> None:
    crew = Supervisor(stage, workers=1, slots=10)
    innocent = [
        str(submit("killer-beside", {"seconds": LONG}, actor=person(), priority=50)) for _ in range(8)
    ]
    stage.until(
        lambda: any(stage.kinds(job).count("node_started") > 1 for job in innocent), "an innocent step to run"
    )
    killer = str(submit("killer-graph", {}, actor=person()))
    for job in [killer, *innocent]:
        crew.until_status(job, "completed", "failed")
    poisoned(stage, killer)
    assert [stage.status(job) for job in innocent] == ["completed"] * 8
    assert crew.deaths == SUSPECT + POISON == 5
    assert deaths_alone(stage, killer) == POISON
    assert [deaths_alone(stage, job) for job in innocent] == [0] * 8
    charged = [job for job in innocent if "lease_lost" in stage.kinds(job)]
    assert charged, "they did run beside it"


@pytest.mark.parametrize("form", ["def", "own", "async", "map", "plan"])
def test_whatever_kills_its_process_is_given_up_after_a_few_deaths(stage: Stage, form: str) -> None:
    assert killers.__name__
    crew = Supervisor(stage, workers=2, slots=4)
    killer = str(submit(f"killer-{form}", {}, actor=person()))
    beside = str(submit("killer-innocent", {"seconds": LONG}, actor=person()))
    for job in (killer, beside):
        crew.until_status(job, "completed", "failed")
    poisoned(stage, killer)
    assert stage.status(beside) == "completed"
    assert crew.deaths <= SUSPECT + POISON + 1
    assert deaths_alone(stage, killer) == POISON


def test_a_killer_with_an_effect_is_a_persons_after_each_death_and_poison_only_where_it_would_run_again(
    stage: Stage,
) -> None:
    crew = Supervisor(stage, workers=1, slots=2)
    killer = str(submit("killer-effect", {}, actor=person()))
    for death in range(1, SUSPECT + POISON + 1):
        crew.until_status(killer, "parked", "failed")
        assert [line["state"] for line in stage.lines(killer)] == ["unknown"]
        assert stage.kinds(killer).count("lease_lost") == death
        stage.resolve(stage.lines(killer)[0], "absent")
    crew.until_status(killer, "parked", "failed")
    poisoned(stage, killer)
    assert stage.kinds(killer).count("lease_lost") == SUSPECT + POISON
