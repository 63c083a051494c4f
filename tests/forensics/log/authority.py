"""A time-stamping authority (RFC 3161) of the test's own: `openssl ts` behind a small HTTP server, with its own CA."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run openssl."""
    return subprocess.run(
        ["openssl", *map(str, args)], capture_output=True, text=True, timeout=60, check=False
    )


def certified(folder: Path) -> None:
    """Make a CA and the authority's key and certificate."""
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "ext.cnf").write_text("extendedKeyUsage = critical,timeStamping\n")
    for args in (
        ("req", "-x509", *CURVE, "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-subj", "/CN=CA", "-days", "2"),
        ("req", *CURVE, "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr", "-subj", "/CN=TSA"),
        ("x509", "-req", "-in", folder / "tsa.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial",
         "-out", folder / "tsa.pem", "-days", "2", "-extfile", folder / "ext.cnf"),
    ):  # fmt: skip
        done = openssl(*args)
        assert done.returncode == 0, done.stderr


class Place:
    """What a server of the test's own got, and how it is to answer."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.status = 200
        self.content = b"thanks"
        self.folder: Path | None = None  # of an authority
        self.address = ""

    def answer(self, body: bytes) -> bytes:
        """The answer's body."""
        if self.folder is None:
            return self.content
        query, reply = self.folder / "query.tsq", self.folder / "reply.tsr"
        query.write_bytes(body)
        done = openssl("ts", "-reply", "-queryfile", query, "-config", self.folder / "tsa.cnf", "-out", reply)
        assert done.returncode == 0, done.stderr
        return reply.read_bytes()


@contextmanager
def place(folder: Path | None = None) -> Iterator[Place]:
    """A server that takes what is posted to it; with a folder a time-stamping authority."""
    here = Place()
    here.folder = folder

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.got.append((self.headers["Content-Type"], body))
            content = here.answer(body)
            self.send_response(here.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.address = f"http://127.0.0.1:{server.server_port}/stamp"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
