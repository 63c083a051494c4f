"""What came of holding many jobs against code: counts, divergences by kind and place, and what could not be compared. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

SHOWN = 5  # jobs named of each group
FORMAT = "aetheris.gate.v1"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One job held against code.

    Args:
        job, agent: the job, and `name@version` as it ran.
        verdict: `identical`, `diverged` or `not_comparable`.
        code: why it could not be compared; message: in words.
        problem: the first divergence.
        steps, calls: how much of it was run again.
        changed: whether the source of a step is another one than the record names; None where it names none.
    """

    job: str
    agent: str
    verdict: str
    code: str = ""
    message: str = ""
    problem: Mapping[str, Any] | None = None
    steps: int = 0
    calls: int = 0
    changed: bool | None = None

    @property
    def group(self) -> str:
        """Jobs of one group part from the code in the same way at the same place: numbers of items and turns are left out."""
        if self.problem is None:
            return self.code
        place = re.sub(r"(?<=/)\d+", "*", self.problem["path"])
        return f"{self.problem['kind']} at {place}"

    def to_json(self) -> dict[str, Any]:
        """The comparison, as it stands in a report."""
        return {
            "job": self.job, "agent": self.agent, "verdict": self.verdict, "code": self.code, "message": self.message,
            "problem": self.problem, "steps": self.steps, "calls": self.calls, "source_changed": self.changed,
        }  # fmt: skip


def compared(told: Mapping[str, Any], agent: str) -> Comparison:
    """The comparison that a replay is."""
    problem = told["problem"]
    known = [each for each in told["sources"] if each["recorded"] and each["here"]]
    changed = any(each["recorded"] != each["here"] for each in known) if known else None
    more: dict[str, Any] = {"steps": told["steps"], "calls": told["calls"], "changed": changed}
    if problem is None:
        return Comparison(told["job"], agent, "identical", **more)
    verdict = "not_comparable" if problem["kind"] == "code_missing" else "diverged"
    code = problem["kind"] if verdict == "not_comparable" else ""
    return Comparison(told["job"], agent, verdict, code, problem["message"], problem, **more)


def not_comparable(job: str, agent: str, code: str, message: str) -> Comparison:
    """A job of which nobody can tell."""
    return Comparison(job, agent, "not_comparable", code, message)


@dataclass
class Report:
    """All comparisons of one run of the gate. `against`: the version whose code was run; empty: each job's own."""

    against: str = ""
    jobs: list[Comparison] = field(default_factory=list)

    def of(self, verdict: str) -> list[Comparison]:
        """The jobs with this verdict."""
        return [each for each in self.jobs if each.verdict == verdict]

    @property
    def verdict(self) -> str:
        """`diverged` if a job did; `nothing_compared` if there was none to compare; else `identical`."""
        if self.of("diverged"):
            return "diverged"
        return "identical" if self.of("identical") else "nothing_compared"

    def groups(self, verdict: str) -> dict[tuple[str, str], list[Comparison]]:
        """Jobs of a verdict by agent and by what they have in common, the most frequent first."""
        found: dict[tuple[str, str], list[Comparison]] = {}
        for each in self.of(verdict):
            found.setdefault((each.agent, each.group), []).append(each)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    def to_json(self) -> dict[str, Any]:
        """The report as one document."""
        return {
            "format": FORMAT, "verdict": self.verdict, "against": self.against,
            "counts": {name: len(self.of(name)) for name in ("identical", "diverged", "not_comparable")},
            "divergences": self._listed("diverged"), "not_comparable": self._listed("not_comparable"),
            "jobs": [each.to_json() for each in self.jobs],
        }  # fmt: skip

    def _listed(self, verdict: str) -> list[dict[str, Any]]:
        return [
            {"agent": agent, "what": what, "jobs": [each.job for each in jobs], "first": jobs[0].to_json()}
            for (agent, what), jobs in self.groups(verdict).items()
        ]


def rendered(report: Report, kind: str) -> str:
    """The report as text.

    Args:
        report: what came of the run.
        kind: `.json`, `.md`, or `.xml` for JUnit.
    """
    return KINDS[kind](report)


def as_json(report: Report) -> str:
    """The report for programs."""
    return json.dumps(report.to_json(), indent=2) + "\n"


def as_markdown(report: Report) -> str:
    """The report for people, e.g. as a comment of a merge request."""
    lines = [
        f"# Deploy gate: {report.verdict.replace('_', ' ')}", "",
        "Recorded jobs, run again with the code of today and the world closed.", "",
        "| Verdict | Jobs |", "|---|---|",
        *(f"| {name.replace('_', ' ')} | {len(report.of(name))} |" for name in ("identical", "diverged", "not_comparable")),
    ]  # fmt: skip
    for (agent, what), jobs in report.groups("diverged").items():
        problem = jobs[0].problem or {}
        lines += ["", f"## {_cell(agent)}: {_cell(what)} ({len(jobs)})", "",
                  f"- recorded: {_cell(problem.get('recorded', ''))}", f"- the code: {_cell(problem.get('asked', ''))}",
                  f"- event {problem.get('seq', 0)}, step {_cell(problem.get('node', ''))}",
                  f"- {_jobs(jobs)}"]  # fmt: skip
    groups = report.groups("not_comparable")
    lines += ["", "## Not comparable", ""] if groups else []
    lines += [f"- {_cell(agent)}: {_cell(what)}: {_jobs(jobs)}" for (agent, what), jobs in groups.items()]
    return "\n".join(lines) + "\n"


def _jobs(jobs: list[Comparison]) -> str:
    named = ", ".join(f"`{each.job}`" for each in jobs[:SHOWN])
    return f"jobs: {named}" + (f" and {len(jobs) - SHOWN} more" if len(jobs) > SHOWN else "")


def _cell(text: str) -> str:
    plain = " ".join(str(text).split())
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#" else each for each in plain)


def as_junit(report: Report) -> str:
    """The report as JUnit XML: one test case a job; a divergence is a failure, one that cannot be compared is skipped."""
    failed, skipped = len(report.of("diverged")), len(report.of("not_comparable"))
    cases = "".join(_cases(report.jobs))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuite name="aetheris.gate" tests="{len(report.jobs)}" failures="{failed}" errors="0" skipped="{skipped}">\n'
        f"{cases}</testsuite>\n"
    )


def _cases(jobs: Iterable[Comparison]) -> Iterable[str]:
    for each in jobs:
        head = f"  <testcase classname={_attribute(each.agent)} name={_attribute(each.job)}"
        if each.verdict == "diverged":
            told = _xml(json.dumps(each.problem, indent=1, sort_keys=True))
            yield f"{head}><failure type={_attribute(each.group)} message={_attribute(each.message)}>{told}</failure></testcase>\n"
        elif each.verdict == "not_comparable":
            yield f"{head}><skipped message={_attribute(f'{each.code}: {each.message}')}/></testcase>\n"
        else:
            yield f"{head}/>\n"


def _xml(text: str) -> str:
    """Text for XML 1.0, which has no place for most control characters."""
    return escape(re.sub(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(re.sub(r"[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", text))


KINDS: Mapping[str, Callable[[Report], str]] = {".json": as_json, ".md": as_markdown, ".xml": as_junit}
