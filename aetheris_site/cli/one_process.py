"""Everything: the API, the worker and beat as threads of one process, started together and drained together."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aetheris_site import sharing

from .failures import Failure
from .output import note

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
_STOPPING = 30.0  # seconds that running steps get


class Everything:
    """One process that is the whole runtime.

    Args:
        port: of the API.
        var: the folder of local.json.
    """

    def __init__(self, *, port: int, var: Path) -> None:
        self.port, self.var = port, var
        self.url = f"http://{HOST}:{port}"
        self._api: uvicorn.Server | None = None
        self._threads: list[threading.Thread] = []
        self._beat: Any = None

    def run(self) -> None:
        """Run until Ctrl-C; the worker has the main thread, and with it the signals."""
        self._begin()
        try:
            self._work()
        finally:
            self.stop()

    def under_a_reloader(self, reloader: Callable[[Callable[[], None]], None]) -> None:
        """Run in a thread beside what watches the code, and drain before a change starts everything anew.

        Args:
            reloader: calls what it is given in a process that it starts again at every change.
        """
        from django.utils.autoreload import file_changed

        def drain(**_: Any) -> None:
            self.stop()

        file_changed.connect(drain, weak=False, dispatch_uid="aetheris.dev")
        try:
            reloader(self._in_a_thread)
        finally:
            self.stop()

    def stop(self) -> None:
        """Let running steps end, then the rest. A second call does nothing."""
        if not self._threads:
            return
        from celery.worker import state

        state.should_stop = 0  # type: ignore[assignment]  # an exit code; the worker's loop looks for it
        if self._beat is not None:
            self._beat.stop()
        if self._api is not None:
            self._api.should_exit = True
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(_STOPPING)
        self._threads.clear()

    def _in_a_thread(self) -> None:
        self._begin()
        self._threads.append(threading.current_thread())
        self._work()

    def _begin(self) -> None:
        """Tables, users, then API and beat.

        Raises:
            Failure: the port is taken.
        """
        import django

        listening = _listen(self.port)
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)
        call_command("aetheris_dev_users", api=self.url, file=self.var / "local.json")
        self._serve(listening)
        self._keep_time()
        note(
            f"Aetheris runs at {self.url} (admin, API and docs); logins and tokens are in {self.var / 'local.json'}."
        )
        note("`aetheris` finds them from this folder; elsewhere give --api. Ctrl-C ends it.")

    def _serve(self, listening: socket.socket) -> None:
        import uvicorn

        sharing.keep_apart()
        config = uvicorn.Config(
            "aetheris_site.asgi:application",
            log_level="warning",
            timeout_graceful_shutdown=2,
            server_header=False,
            proxy_headers=False,
        )
        self._api = uvicorn.Server(config)
        self._start("api", partial(self._api.run, sockets=[listening]))

    def _keep_time(self) -> None:
        from celery.beat import Service

        from aetheris_site.celery import app as celery_app

        self._beat = Service(celery_app, scheduler_cls=_SCHEDULER)  # type: ignore[arg-type]  # a name will do
        self._start("beat", lambda: self._beat.start(embedded_process=False))

    def _start(self, name: str, target: Callable[[], object]) -> None:
        thread = threading.Thread(target=target, name=f"aetheris-{name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        from aetheris_site.celery import app as celery_app

        worker = celery_app.Worker(
            hostname=f"dev@{socket.gethostname()}",
            pool="threads",
            concurrency=8,
            queues=["aetheris"],
            loglevel="WARNING",
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()


def _listen(port: int) -> socket.socket:
    """The API's socket, taken before anything else is done.

    Raises:
        Failure: somebody else has the port.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
    except OSError as error:
        made.close()
        raise Failure(
            f"Port {port} cannot be used: {error.strerror}",
            code="port_taken",
            advice="Stop what listens there, or choose another with --port.",
        ) from error
    made.listen(128)
    made.setblocking(False)
    return made
