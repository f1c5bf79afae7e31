from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0009_list_by_trigger"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="left_out",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
