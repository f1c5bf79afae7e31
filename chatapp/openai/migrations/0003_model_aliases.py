"""Names by which programs may ask for a model."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("openai", "0002_characters"),
        ("runs", "0011_help_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="ModelAlias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="What programs send as model", max_length=200, unique=True)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="aliases", to="runs.model"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "model aliases",
                "ordering": ["name"],
            },
        ),
    ]
