"""Reword labels. Changes no table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0001_endpoints"),
    ]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="state",
            field=models.CharField(
                choices=[("pending", "Pending"), ("delivered", "Delivered"), ("given_up", "Given up")],
                default="pending",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="disabled_why",
            field=models.CharField(
                blank=True,
                choices=[
                    ("owner", "Turned off by its owner"),
                    ("gone", "The receiver returned 410 Gone"),
                    ("failures", "Too many deliveries failed"),
                ],
                max_length=16,
            ),
        ),
    ]
