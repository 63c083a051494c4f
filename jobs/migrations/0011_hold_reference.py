"""The reference of a legal hold. The column is added in place: rebuilding the table would drop the triggers that keep it."""

from django.db import migrations, models

ADD = "ALTER TABLE aetheris_jobs_hold ADD COLUMN reference varchar(200) NOT NULL DEFAULT ''"


class Migration(migrations.Migration):
    dependencies = [("aetheris_jobs", "0010_delegation")]
    operations = [
        migrations.RunSQL(
            ADD,
            "ALTER TABLE aetheris_jobs_hold DROP COLUMN reference",
            state_operations=[
                migrations.AddField(
                    "hold", "reference", models.CharField(blank=True, default="", max_length=200)
                )
            ],
        ),
    ]
