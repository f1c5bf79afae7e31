from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chats", "0012_labels"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="sent_now",
            field=models.UUIDField(editable=False, null=True),
        ),
    ]
