"""Triggers: the two ways in which an event may go, through a gate that the store opens in the same transaction.

Erasing sets body and salt of an event to NULL, in a job that has ended and whose head is the event that says so. Pruning
removes all events of a job that has ended and has a tombstone. Everything else is refused as before. Holds, their
releases and tombstones are append-only without any gate.
"""

# ruff: noqa: S608 - the statements are made of names of our own tables
from django.db import migrations

EVENTS = "aetheris_jobs_event"
JOBS = "aetheris_jobs_job"
TOMBSTONES = "aetheris_jobs_tombstone"
FOR_EVER = {
    "aetheris_jobs_hold": "id",
    "aetheris_jobs_hold_release": "hold",
    TOMBSTONES: "job_id",
}
KEPT = ("id", "job_id", "seq", "tenant", "type", "node", "at", "digest", "prev", "hash")

POSTGRES = f"""
CREATE FUNCTION aetheris_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gate text := current_setting('aetheris.gate', true);
BEGIN
    IF TG_OP = 'UPDATE' AND gate = 'erase:' || OLD.job_id::text
        AND OLD.type <> 'payload_erased' AND OLD.body IS NOT NULL AND NEW.body IS NULL AND NEW.salt IS NULL
        AND ({", ".join(f"NEW.{name}" for name in KEPT)}) IS NOT DISTINCT FROM ({", ".join(f"OLD.{name}" for name in KEPT)})
        AND EXISTS (
            SELECT 1 FROM {JOBS} j JOIN {EVENTS} e ON e.job_id = j.id AND e.seq = j.head_seq
            WHERE j.id = OLD.job_id AND j.finished_at IS NOT NULL AND e.type = 'payload_erased' AND e.seq > OLD.seq)
    THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND gate = 'prune:' || OLD.job_id::text
        AND EXISTS (SELECT 1 FROM {JOBS} WHERE id = OLD.job_id AND finished_at IS NOT NULL)
        AND EXISTS (SELECT 1 FROM {TOMBSTONES} WHERE job_id = OLD.job_id)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'aetheris: % is append-only; % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION aetheris_event_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM {EVENTS} e WHERE e.job_id IN (SELECT DISTINCT job_id FROM gone)) THEN
        RAISE EXCEPTION 'aetheris: % is append-only; DELETE of a part of a job is refused', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER aetheris_event_append_only ON {EVENTS};
CREATE TRIGGER aetheris_event_append_only BEFORE UPDATE OR DELETE ON {EVENTS}
    FOR EACH ROW EXECUTE FUNCTION aetheris_event_guard();
CREATE TRIGGER aetheris_event_whole AFTER DELETE ON {EVENTS} REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION aetheris_event_whole();
""" + "".join(
    f"""
CREATE TRIGGER aetheris_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION aetheris_append_only();
CREATE TRIGGER aetheris_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION aetheris_append_only();
"""
    for table in FOR_EVER
)
POSTGRES_BACK = f"""
DROP TRIGGER aetheris_event_whole ON {EVENTS};
DROP TRIGGER aetheris_event_append_only ON {EVENTS};
CREATE TRIGGER aetheris_event_append_only BEFORE UPDATE OR DELETE ON {EVENTS}
    FOR EACH ROW EXECUTE FUNCTION aetheris_append_only();
DROP FUNCTION aetheris_event_whole();
DROP FUNCTION aetheris_event_guard();
""" + "".join(
    f"DROP TRIGGER aetheris_append_only ON {table}; DROP TRIGGER aetheris_no_truncate ON {table};\n"
    for table in FOR_EVER
)

_REFUSED = "SELECT RAISE(ABORT, 'aetheris: {what} append-only; {op} is refused')"
_OPEN = "EXISTS (SELECT 1 FROM aetheris_jobs_gate g WHERE g.job_id = OLD.job_id AND g.opens = '{kind}')"
SQLITE = [
    "CREATE TABLE aetheris_jobs_gate (job_id char(32) NOT NULL PRIMARY KEY, opens varchar(8) NOT NULL)",
    "DROP TRIGGER aetheris_event_no_update",
    "DROP TRIGGER aetheris_event_no_delete",
    f"""CREATE TRIGGER aetheris_event_no_update BEFORE UPDATE ON {EVENTS}
        WHEN NOT ({_OPEN.format(kind="erase")}
            AND OLD.type <> 'payload_erased' AND OLD.body IS NOT NULL AND NEW.body IS NULL AND NEW.salt IS NULL
            AND {" AND ".join(f"NEW.{name} IS OLD.{name}" for name in KEPT)}
            AND EXISTS (
                SELECT 1 FROM {JOBS} j JOIN {EVENTS} e ON e.job_id = j.id AND e.seq = j.head_seq
                WHERE j.id = OLD.job_id AND j.finished_at IS NOT NULL AND e.type = 'payload_erased' AND e.seq > OLD.seq))
        BEGIN {_REFUSED.format(what="events are", op="UPDATE")}; END""",
    f"""CREATE TRIGGER aetheris_event_no_delete BEFORE DELETE ON {EVENTS}
        WHEN NOT ({_OPEN.format(kind="prune")}
            AND EXISTS (SELECT 1 FROM {JOBS} WHERE id = OLD.job_id AND finished_at IS NOT NULL)
            AND EXISTS (SELECT 1 FROM {TOMBSTONES} WHERE job_id = OLD.job_id))
        BEGIN {_REFUSED.format(what="events are", op="DELETE")}; END""",
    # REPLACE removes a row without asking the trigger above.
    f"""CREATE TRIGGER aetheris_event_no_replace BEFORE INSERT ON {EVENTS}
        WHEN EXISTS (SELECT 1 FROM {EVENTS} WHERE id = NEW.id OR (job_id = NEW.job_id AND seq = NEW.seq))
        BEGIN {_REFUSED.format(what="events are", op="REPLACE")}; END""",
    f"""CREATE TRIGGER aetheris_gate_whole BEFORE DELETE ON aetheris_jobs_gate
        WHEN OLD.opens = 'prune' AND EXISTS (SELECT 1 FROM {EVENTS} WHERE job_id = OLD.job_id)
        BEGIN {_REFUSED.format(what="events are", op="DELETE of a part of a job")}; END""",
]
SQLITE_BACK = [
    "DROP TRIGGER aetheris_gate_whole",
    "DROP TRIGGER aetheris_event_no_replace",
    "DROP TRIGGER aetheris_event_no_delete",
    "DROP TRIGGER aetheris_event_no_update",
    f"""CREATE TRIGGER aetheris_event_no_update BEFORE UPDATE ON {EVENTS}
        BEGIN {_REFUSED.format(what="events are", op="UPDATE")}; END""",
    f"""CREATE TRIGGER aetheris_event_no_delete BEFORE DELETE ON {EVENTS}
        BEGIN {_REFUSED.format(what="events are", op="DELETE")}; END""",
    "DROP TABLE aetheris_jobs_gate",
]
for table, key in FOR_EVER.items():
    name = table.removeprefix("aetheris_jobs_")
    SQLITE += [
        f"""CREATE TRIGGER aetheris_{name}_no_update BEFORE UPDATE ON {table}
            BEGIN {_REFUSED.format(what=f"{table} is", op="UPDATE")}; END""",
        f"""CREATE TRIGGER aetheris_{name}_no_delete BEFORE DELETE ON {table}
            BEGIN {_REFUSED.format(what=f"{table} is", op="DELETE")}; END""",
        f"""CREATE TRIGGER aetheris_{name}_no_replace BEFORE INSERT ON {table}
            WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})
            BEGIN {_REFUSED.format(what=f"{table} is", op="REPLACE")}; END""",
    ]
    SQLITE_BACK[:0] = [f"DROP TRIGGER aetheris_{name}_no_{what}" for what in ("update", "delete", "replace")]


def _run(schema_editor, postgres, sqlite):
    vendor = schema_editor.connection.vendor
    for statement in [postgres] if vendor == "postgresql" else sqlite:
        schema_editor.execute(statement, params=None)  # a percent sign is itself, no placeholder


def forwards(apps, schema_editor):
    _run(schema_editor, POSTGRES, SQLITE)


def backwards(apps, schema_editor):
    _run(schema_editor, POSTGRES_BACK, SQLITE_BACK)


class Migration(migrations.Migration):
    dependencies = [("aetheris_jobs", "0007_keeping")]
    operations = [migrations.RunPython(forwards, backwards)]
