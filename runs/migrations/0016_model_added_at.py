import django.utils.timezone
from django.db import migrations, models
from django.db.models.functions import Now


def date_by_first_run(apps, schema_editor) -> None:
    """Models that are older than this column: the day of their first run, as far as it is kept, is a better guess."""
    Model = apps.get_model("runs", "Model")
    for model in Model.objects.annotate(first=models.Min("runs__queued_at")).exclude(first=None):
        Model.objects.filter(pk=model.pk).update(added_at=model.first)


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0015_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="model",
            name="added_at",
            field=models.DateTimeField(db_default=Now(), default=django.utils.timezone.now, editable=False),
        ),
        migrations.RunPython(date_by_first_run, migrations.RunPython.noop, elidable=True),
    ]
