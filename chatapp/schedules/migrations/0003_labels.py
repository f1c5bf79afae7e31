"""Reword labels. Changes no table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("schedules", "0002_a_zone_that_is_gone"),
    ]

    operations = [
        migrations.AlterField(
            model_name="schedule",
            name="kind",
            field=models.CharField(
                choices=[
                    ("daily", "Every day"),
                    ("weekly", "On certain weekdays"),
                    ("monthly", "On a day of the month"),
                    ("every", "Every few minutes or hours"),
                    ("once", "Once"),
                    ("cron", "Cron expression"),
                ],
                default="daily",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="schedule",
            name="missed",
            field=models.CharField(
                choices=[("run", "Run the latest one"), ("skip", "Skip it")], default="run", max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="schedule",
            name="overlap",
            field=models.CharField(
                choices=[("skip", "Skip this run"), ("enqueue", "Run when it has finished")],
                default="skip",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="schedule",
            name="target",
            field=models.CharField(
                choices=[("new", "A new chat each time"), ("same", "The same chat each time")],
                default="new",
                max_length=8,
            ),
        ),
    ]
