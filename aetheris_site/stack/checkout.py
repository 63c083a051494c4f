"""The stack of `make run`: which parts it has, what it tells at the end, its status, and its cleaning."""

from __future__ import annotations

from collections.abc import Callable

from . import health, parts, ports, preparing, register
from .logs import log_file
from .parts import PAYMENTS_URL, Part
from .place import Place
from .running import Stack
from .say import Say

_MAY = {
    "operator": "submits, signals, pauses and cancels jobs",
    "approver": "of the group finance: answers questions, resolves unknown outcomes",
}


def stack(place: Place, say: Say) -> Stack:
    """The stack of a checkout: API, worker, beat, and in the dev profile the example's payment service."""
    url, port = _payments(place)
    here = place.with_env(**{PAYMENTS_URL: url}) if url else place
    made: list[Part] = [parts.payments(here, port)] if place.is_dev and port else []
    made += [parts.api(here), parts.worker(), parts.beat()]
    return Stack(here, made, say, payments=url)


def run(place: Place, say: Say) -> None:
    """Start it and say where it is. Raises StackError."""
    with register.locked(place, say):
        whole = stack(place, say)
        say(f"Starting Aetheris ({'dev' if place.is_dev else 'prod'} profile):")
        fresh = whole.run(_prepare(whole))
        _tell(whole, fresh)


def stop(place: Place, say: Say) -> None:
    """Stop it. Raises StackError."""
    with register.locked(place, say):
        stack(place, say).stop()


def clean(place: Place, say: Say) -> None:
    """Stop it and remove what running wrote into its folder. Raises StackError."""
    stop(place, say)
    for pattern in ("*.log", "*.log.1", register.LOCK):
        for path in place.folder.glob(pattern):
            path.unlink()


def status(place: Place, say: Say) -> bool:
    """Say how each part is. Returns whether all is well."""
    running = register.living(place)
    whole = stack(place, say)
    for part in whole.parts:
        each = running.get(part.name)
        say(f"  {part.name:<9}{f'runs (pid {each.pid})' if each else 'does not run'}")
    missing = health.lacking(place) if "api" in running else {"api": "start it with `make run`"}
    for name, why in sorted(missing.items()):
        say(f"  missing: {name}: {why}")
    if not missing:
        say(f"Ready at {place.url}")
    return not missing and all(part.name in running for part in whole.parts)


def _payments(place: Place) -> tuple[str, int]:
    """Address and port of the payment service: as the environment says, as it runs, or the first free one.

    The port is 0 where the service is not ours to start.
    """
    named = parts.payments_port(place)
    if named is None:
        return place.env[PAYMENTS_URL].strip(), 0
    if named:
        return place.env[PAYMENTS_URL].strip(), named
    if "payments" in register.living(place) and (url := register.read(place).payments):
        return url, int(url.rpartition(":")[2])
    port = parts.PAYMENTS_PORT if ports.is_free(parts.PAYMENTS_PORT) else ports.any_free()
    return f"http://127.0.0.1:{port}", port


def _prepare(whole: Stack) -> Callable[[bool], None]:
    def prepare(starting: bool) -> None:
        if starting:
            preparing.migrate(whole.place)
        if whole.place.is_dev:
            preparing.make_users(whole.place, {"payments": whole.payments})

    return prepare


def _tell(whole: Stack, fresh: bool) -> None:
    place, say = whole.place, whole.say
    say("")
    say(f"Aetheris {'runs' if fresh else 'was already running'} at {place.url}")
    if place.is_dev:
        say(f"  log in    {place.url}/")
        for login in preparing.logins(place):
            say(f"            {login.name}  password {login.password}  {_MAY.get(login.name, '')}")
        say(f"  tokens    in {place.shown(preparing.local_file(place))}; bin/aetheris finds them itself")
        say(f"  payments  {whole.payments}  (the example's world)")
    else:
        say(f"  log in    {place.url}/ with a user of yours: python manage.py createsuperuser")
    say(f"  API       {place.url}/api/docs/")
    say(f"  logs      {' '.join(place.shown(log_file(place, part.name)) for part in whole.parts)}")
    say("")
    if place.is_dev:
        say('Next: bin/aetheris submit refund --goal \'{"order_id": "A-1001"}\'     (make stop ends it)')
        say(
            "or in the browser: log in as operator, Start a job, refund, order A-1001; then log in as approver"
        )
    else:
        say("Next: bin/aetheris token create, then bin/aetheris definitions     (make stop ends it)")
