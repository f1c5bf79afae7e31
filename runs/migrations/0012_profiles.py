"""Add what providers and models accept. The previous version may insert rows without it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0011_help_texts"),
    ]

    operations = [
        migrations.AddField(
            model_name="provider",
            name="profile",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="What this server accepts, where that differs from the shipped profile",
            ),
        ),
        migrations.AddField(
            model_name="model",
            name="profile",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="What this model accepts, where that differs from its provider's profile",
            ),
        ),
        migrations.AddField(
            model_name="model",
            name="learned",
            field=models.JSONField(
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="model",
            name="context_window",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Tokens that the model reads at once, question and answer together; empty: as far as known",
                null=True,
            ),
        ),
    ]
