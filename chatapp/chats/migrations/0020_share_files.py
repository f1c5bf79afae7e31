from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chats", "0019_attachment_notes"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="share_files",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
