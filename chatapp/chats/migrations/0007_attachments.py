"""A table for files that were sent with messages. The next migration fills it; earlier code goes on without it."""

import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models

# Those of chatapp.chats.search that read the table. Whatever version `migrate` is run by next makes its own.
TRIGGERS = [
    *(f"chats_search_{what}" for what in ("insert", "update", "delete")),
    *(f"chats_search_file_{when}_{what}" for when in ("before", "after") for what in ("insert", "update", "delete")),
]


def drop_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for name in TRIGGERS:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [
        ("chats", "0006_tools"),
    ]

    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=100)),
                ("media_type", models.CharField(max_length=100)),
                ("size", models.PositiveIntegerField()),
                ("text", models.TextField(blank=True)),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attachments",
                        to="chats.message",
                    ),
                ),
            ],
            options={
                "ordering": ["message_id", "position"],
                "constraints": [
                    models.UniqueConstraint(fields=("message", "position"), name="attachment_place_once"),
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="attachment_named"),
                    models.CheckConstraint(
                        condition=models.Q(("media_type", ""), _negated=True), name="attachment_typed"
                    ),
                ],
            },
        ),
        migrations.RunPython(migrations.RunPython.noop, drop_triggers),
    ]
