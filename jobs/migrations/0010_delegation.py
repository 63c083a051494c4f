"""Who has voted on an approval, and to whom votes were handed, as columns that an inbox can ask."""

import json

from django.db import migrations, models


def tell(apps, schema_editor):
    for row in apps.get_model("aetheris_jobs", "Approval").objects.exclude(votes="[]").iterator():
        voters = [vote["actor"]["id"] for vote in json.loads(row.votes) if vote["actor"]]
        row.voters = json.dumps(voters, separators=(",", ":"))
        row.save(update_fields=["voters"])


class Migration(migrations.Migration):
    dependencies = [("aetheris_jobs", "0009_encryption")]
    operations = [
        migrations.AddField("approval", "voters", models.TextField(default="[]")),
        migrations.AddField("approval", "delegates", models.TextField(default="[]")),
        migrations.RunPython(tell, migrations.RunPython.noop),
    ]
