"""Reword labels. Changes no table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_one_time_links"),
    ]

    operations = [
        migrations.AlterField(
            model_name="onetimelink",
            name="purpose",
            field=models.CharField(
                choices=[("login", "Log in"), ("invitation", "Set a first password")], max_length=16
            ),
        ),
    ]
