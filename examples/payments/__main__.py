"""Start the payment service: `python -m examples.payments --port 8099 --db var/payments.jsonl`."""

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from examples.payments.book import Book, BookError
from examples.payments.service import Payments
from examples.payments.wire import Server


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code: 1 if the book or the port cannot be had."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        book = Book(options.db, dedupe=options.dedupe)
        server = Server(Payments(book), options.port)
    except (BookError, OSError, OverflowError) as cannot:
        print(f"payments: cannot start on port {options.port} with {options.db}: {cannot}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    print(f"payments: http://127.0.0.1:{server.server_port} (book: {options.db})", flush=True)
    server.serve_forever(poll_interval=0.1)
    return 0


def _leave(number: int, frame: Any) -> None:
    # Every fact is on the disk before it is answered, so there is nothing to save first.
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.payments", description=__doc__)
    parser.add_argument("--port", type=int, default=8099, help="port on 127.0.0.1, 0 for any free one")
    parser.add_argument("--db", type=Path, required=True, help="the book: a JSONL file, made if missing")
    parser.add_argument("--dedupe", action="store_true", help="honour idempotency keys: one refund per key")
    return parser


if __name__ == "__main__":
    sys.exit(main())
