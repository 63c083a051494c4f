"""Triggers: an event, once written, is neither changed nor removed (Law L2)."""

from django.db import migrations

TABLE = "aetheris_jobs_event"

POSTGRES = f"""
CREATE OR REPLACE FUNCTION aetheris_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'aetheris: % is append-only; % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER aetheris_event_append_only BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION aetheris_append_only();
CREATE TRIGGER aetheris_event_no_truncate BEFORE TRUNCATE ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION aetheris_append_only();
"""
POSTGRES_BACK = f"""
DROP TRIGGER aetheris_event_append_only ON {TABLE};
DROP TRIGGER aetheris_event_no_truncate ON {TABLE};
DROP FUNCTION aetheris_append_only();
"""
SQLITE = [
    f"""CREATE TRIGGER aetheris_event_no_update BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'aetheris: events are append-only; UPDATE is refused'); END""",
    f"""CREATE TRIGGER aetheris_event_no_delete BEFORE DELETE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'aetheris: events are append-only; DELETE is refused'); END""",
]
SQLITE_BACK = ["DROP TRIGGER aetheris_event_no_update", "DROP TRIGGER aetheris_event_no_delete"]


def _run(schema_editor, postgres, sqlite):
    vendor = schema_editor.connection.vendor
    for statement in [postgres] if vendor == "postgresql" else sqlite:
        schema_editor.execute(statement, params=None)  # a percent sign is itself, no placeholder


def forwards(apps, schema_editor):
    _run(schema_editor, POSTGRES, SQLITE)


def backwards(apps, schema_editor):
    _run(schema_editor, POSTGRES_BACK, SQLITE_BACK)


class Migration(migrations.Migration):
    dependencies = [("aetheris_jobs", "0001_tables")]
    operations = [migrations.RunPython(forwards, backwards)]
