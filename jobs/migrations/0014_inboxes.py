"""Inboxes and lists that read no further than they show: whom each approval asks, and indexes by deadline and decision."""

import json
from datetime import UTC, datetime

from django.db import migrations, models

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def address(apps, schema_editor):
    """Whom the approvals ask that are there already."""
    made = apps.get_model("aetheris_jobs", "Addressee").objects
    rows = apps.get_model("aetheris_jobs", "Approval").objects.order_by()
    some = []
    for row in rows.values(
        "id", "job_id", "tenant", "state", "groups", "users", "delegates", "deadline", "requested_at"
    ).iterator(2000):
        named = {}
        for kind, column in (("group", "groups"), ("user", "users"), ("user", "delegates")):
            names = json.loads(row[column])
            named.update({f"{kind}:{each}"[:255]: None for each in names} if isinstance(names, list) else {})
        some += [
            made.model(tenant=row["tenant"], whom=whom, open=row["state"] == "open", approval=row["id"], job_id=row["job_id"],
                       deadline=row["deadline"] or NEVER, requested_at=row["requested_at"])
            for whom in named
        ]  # fmt: skip
    made.bulk_create(some, batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("aetheris_jobs", "0013_webhook_address"),
    ]

    operations = [
        migrations.CreateModel(
            name="Addressee",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tenant", models.CharField(default="default", max_length=64)),
                ("whom", models.CharField(max_length=255)),
                ("open", models.BooleanField(default=True)),
                ("approval", models.UUIDField()),
                ("job_id", models.UUIDField()),
                ("deadline", models.DateTimeField()),
                ("requested_at", models.DateTimeField()),
            ],
            options={
                "db_table": "aetheris_jobs_addressee",
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                fields=["tenant", "state", "deadline", "requested_at", "id"], name="approvals_by_deadline"
            ),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["tenant", "-decided_at", "-id"], name="approvals_by_decision"),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["tenant", "-requested_at", "-id"], name="approvals_by_tenant"),
        ),
        migrations.AddIndex(
            model_name="addressee",
            index=models.Index(
                fields=["tenant", "whom", "open", "deadline", "requested_at", "approval"],
                name="addressees_by_whom",
            ),
        ),
        migrations.AddIndex(
            model_name="addressee",
            index=models.Index(fields=["job_id"], name="addressees_by_job"),
        ),
        migrations.AddConstraint(
            model_name="addressee",
            constraint=models.UniqueConstraint(fields=("approval", "whom"), name="asked_once"),
        ),
        migrations.RunPython(address, migrations.RunPython.noop),
    ]
