"""A salt may be ciphertext, and so be longer; triggers let bodies be written again in another form, through a gate.

On SQLite a column has no length, and remaking the table would lose its triggers: there only the triggers change.
"""

import importlib

from django.db import migrations, models

gates = importlib.import_module("jobs.migrations.0008_gates")
EVENTS, KEPT = gates.EVENTS, gates.KEPT

# One of the two is ciphertext, and what is NULL stays NULL.
_POSTGRES = f"""
    IF TG_OP = 'UPDATE' AND gate = 'encrypt:' || OLD.job_id::text
        AND OLD.body IS NOT NULL AND NEW.body IS NOT NULL AND OLD.salt IS NOT NULL AND NEW.salt IS NOT NULL
        AND (OLD.body LIKE 'enc1.%' OR NEW.body LIKE 'enc1.%')
        AND ({", ".join(f"NEW.{name}" for name in KEPT)}) IS NOT DISTINCT FROM ({", ".join(f"OLD.{name}" for name in KEPT)})
    THEN
        RETURN NEW;
    END IF;
"""
_FIRST = "BEGIN\n"
_GUARD = gates.POSTGRES[
    gates.POSTGRES.index("CREATE FUNCTION aetheris_event_guard") : gates.POSTGRES.index(
        "CREATE FUNCTION aetheris_event_whole"
    )
].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
POSTGRES = [
    f"ALTER TABLE {EVENTS} ALTER COLUMN salt TYPE text",
    _GUARD.replace(_FIRST, _FIRST + _POSTGRES, 1),
]
POSTGRES_BACK = [_GUARD]
_UPDATE = next(each for each in gates.SQLITE if "CREATE TRIGGER aetheris_event_no_update" in each)
_SQLITE = f"""WHEN NOT ({gates._OPEN.format(kind="encrypt")}
            AND OLD.body IS NOT NULL AND NEW.body IS NOT NULL AND OLD.salt IS NOT NULL AND NEW.salt IS NOT NULL
            AND (OLD.body LIKE 'enc1.%' OR NEW.body LIKE 'enc1.%')
            AND {" AND ".join(f"NEW.{name} IS OLD.{name}" for name in KEPT)})
        AND NOT ("""
SQLITE = ["DROP TRIGGER aetheris_event_no_update", _UPDATE.replace("WHEN NOT (", _SQLITE, 1)]
SQLITE_BACK = ["DROP TRIGGER aetheris_event_no_update", _UPDATE]


def _run(schema_editor, postgres, sqlite):
    vendor = schema_editor.connection.vendor
    for statement in postgres if vendor == "postgresql" else sqlite:
        schema_editor.execute(statement, params=None)  # a percent sign is itself, no placeholder


def forwards(apps, schema_editor):
    _run(schema_editor, POSTGRES, SQLITE)


def backwards(apps, schema_editor):
    _run(schema_editor, POSTGRES_BACK, SQLITE_BACK)


class Migration(migrations.Migration):
    dependencies = [("aetheris_jobs", "0008_gates")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(forwards, backwards)],
            state_operations=[
                migrations.AlterField("event", "salt", models.TextField(max_length=32, null=True)),
            ],
        )
    ]
