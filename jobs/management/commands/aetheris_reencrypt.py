"""`manage.py aetheris_reencrypt`: write stored bodies again under the current key, or say under which keys they stand."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.services import counts, reencrypt
from ledger import encryption
from ledger.reencrypting import Told

SHOWN = 20


class Command(BaseCommand):
    """After a key was added and made current: everything is written under it, while workers go on.

    It may be stopped at any time and begun anew. When `--count` no longer names a key, that key can be taken away.
    """

    help = "Write stored bodies again under the current key (docs/encryption.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--count", action="store_true", help="only say how many texts stand under each key"
        )
        parser.add_argument("--tenant", help="only this tenant's; without it, all")
        parser.add_argument("--json", action="store_true", help="as one JSON object")

    def handle(self, **options: Any) -> None:
        if options["count"]:
            self._say(counts(options["tenant"]), options["json"])
            return
        try:
            told = reencrypt(self._progress, options["tenant"])
        except encryption.Unreadable as error:
            raise CommandError(
                f"{error}. What was written before stays; run this again afterwards"
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(vars(told)))
        elif not told.unreadable:
            under = f"under the key {encryption.current()!r}" if encryption.current() else "in clear"
            self.stdout.write(f"{told.rows} rows written again; what was asked for stands {under}.")
        if told.unreadable:
            rows = "\n  ".join(told.unreadable[:SHOWN])
            raise CommandError(
                f"{len(told.unreadable)} rows cannot be decrypted and were left as they are: they were changed. "
                f"Verify them (`manage.py aetheris_verify`):\n  {rows}"
            )

    def _progress(self, table: str, told: Told) -> None:
        self.stderr.write(f"{table}: {told.rows} rows", ending="\n")

    def _say(self, found: dict[str, dict[str, int]], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(found, indent=2, sort_keys=True))
            return
        for table, keys in found.items():
            told = ", ".join(
                f"{count} {f'under {key}' if key else 'in clear'}" for key, count in sorted(keys.items())
            )
            self.stdout.write(f"{table}: {told or 'nothing'}")
