"""Count requests for titles, and name the chat that a new one goes on with a summary of."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chats", "0013_sent_now"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="title_requests",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="session",
            name="summary_of",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="chats.session",
            ),
        ),
    ]
