from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("aetheris_jobs", "0003_compensation"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="forked_seq",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="forked_from",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="generation",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("forked_from__isnull", False)),
                fields=["forked_from"],
                name="jobs_by_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.UniqueConstraint(
                fields=("tenant", "origin", "generation"), name="one_job_per_generation"
            ),
        ),
    ]
