"""Answers from before HTML was made at their end: those that nobody has looked at have none, and those with links may
have some that lead into this site. Upkeep makes it, the newest first; until then they are shown as they are.
"""

from django.db import migrations
from django.db.models import F, Q

FINAL = ["complete", "stopped", "failed", "lost"]


def make_due(apps, schema_editor):
    answers = apps.get_model("chats", "Message").objects.using(schema_editor.connection.alias)
    answers = answers.filter(role="assistant", state__in=FINAL).exclude(content="")
    answers.filter(Q(html="") | Q(html__contains='href="')).update(html_due_at=F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("chats", "0009_html_due")]
    operations = [migrations.RunPython(make_due, migrations.RunPython.noop)]
