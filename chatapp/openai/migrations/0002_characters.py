"""How long each request is, so that a context's length is known without reading it."""

from django.db import migrations, models

from chatapp.openai.sizes import characters_in


def count(apps, schema_editor):
    Exchange = apps.get_model("openai", "Exchange")
    for exchange in Exchange.objects.only("input", "parameters", "echo").iterator(chunk_size=20):
        characters = characters_in(exchange.input, exchange.parameters, exchange.echo.get("instructions"))
        Exchange.objects.filter(pk=exchange.pk).update(characters=characters)


class Migration(migrations.Migration):
    dependencies = [
        ("openai", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="exchange",
            name="characters",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.RunPython(count, migrations.RunPython.noop, elidable=True),
    ]
