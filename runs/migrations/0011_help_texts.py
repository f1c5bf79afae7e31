"""Reword help texts. Changes no table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0010_left_out"),
    ]

    operations = [
        migrations.AlterField(
            model_name="model",
            name="label",
            field=models.CharField(help_text="Name shown to users", max_length=100),
        ),
        migrations.AlterField(
            model_name="model",
            name="name",
            field=models.SlugField(help_text="Name on this site, also in the API", max_length=100, unique=True),
        ),
        migrations.AlterField(
            model_name="model",
            name="parameters",
            field=models.JSONField(blank=True, default=dict, help_text='Added to requests, e.g. {"temperature": 0.3}'),
        ),
        migrations.AlterField(
            model_name="model",
            name="upstream_id",
            field=models.CharField(help_text="Name at the provider", max_length=200),
        ),
    ]
