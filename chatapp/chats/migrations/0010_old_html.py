"""Answers from before HTML was made at their end: those that were never looked at have none, those with links may have
some that lead into this site, and long ones may have a paragraph over which a browser stands still. Upkeep makes it,
the newest first; until then they are shown as they are.
"""

from django.db import migrations
from django.db.models import F, Q
from django.db.models.functions import Length

LONG_CHARACTERS = 10_000  # of HTML: what is shorter has no paragraph that is too long
FINAL = ["complete", "stopped", "failed", "lost"]


def make_due(apps, schema_editor):
    answers = apps.get_model("chats", "Message").objects.using(schema_editor.connection.alias)
    answers = answers.filter(role="assistant", state__in=FINAL).exclude(content="")
    answers = answers.alias(length=Length("html"))
    answers.filter(Q(html="") | Q(html__contains='href="') | Q(length__gt=LONG_CHARACTERS)).update(
        html_due_at=F("created_at")
    )


class Migration(migrations.Migration):
    dependencies = [("chats", "0009_html_due")]
    operations = [migrations.RunPython(make_due, migrations.RunPython.noop)]
