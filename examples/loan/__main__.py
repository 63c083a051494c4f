"""`python -m examples.loan [FOLDER]`: the whole story in one process, offline; what is left is the package in the folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(folder: Path) -> int:
    """Submit, assess, approve, pay out, export, and ask the package alone who had the AI pay. Returns the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aetheris_site.settings")
    os.environ["AETHERIS_DATABASE_URL"] = f"sqlite:///{(folder / 'loan.sqlite3').resolve()}"
    os.environ["AETHERIS_LOAN_BOOK"] = str(folder / "payouts.jsonl")
    os.environ.setdefault("AETHERIS_AGENTS", "examples.loan")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    return _story(folder)


def _story(folder: Path) -> int:
    from forensics.package import export
    from jobs import approve, submit
    from jobs.core.commands import Actor
    from jobs.testing import in_this_process, run_until_parked

    clerk = Actor(id="1", name="clerk", may=frozenset({"submit"}))
    officer = Actor(id="2", name="officer", groups=("finance",), may=frozenset({"signal"}))
    with in_this_process("the loan example"):
        job = submit("loan", {"application_id": "L-2001"}, actor=clerk)
        print(f"Submitted {job} by {clerk.name}: {run_until_parked(job).status}, waiting for a person.")
        approve(job, actor=officer, comment="within the policy")
        print(f"Approved by {officer.name}: {run_until_parked(job).status}.")
    package = folder / f"loan-{job}.zip"
    export(job, package)
    print(f"\n{package} answers alone, without server or database:\n")
    return _asked(package)


def _asked(package: Path) -> int:
    from forensics.evidence import packages, who

    report, built = packages.opened(package)
    if built is None:
        print(f"It does not verify: {report.problem}", file=sys.stderr)
        return 1
    graph = built.json()
    told = who(graph, packages.meant(package, graph, "loan:L-2001")[0])
    print(told["sentence"])
    for name in ("documents", "models"):
        for each in told["based_on"][name]:
            print(
                f"  {name[:-1]:9} {each.get('document') or each.get('answered')}  {each.get('digest') or each.get('result')}"
            )
    for each in told["approved_by"]:
        print(f"  person    {each['name']}  saw {each['saw']}")
    print(f"\nAsk yourself:  aetheris who loan:L-2001 --package {package}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "var/loan")))
