"""A table for files that were sent with messages. The next migration fills it; earlier code goes on without it."""

import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models


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
    ]
