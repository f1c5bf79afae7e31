"""The way back to the version before, as docs/deploying.md says; and that one writing into the newer tables (B90)."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations import operations
from django.db.migrations.loader import MigrationLoader
from django.db.models import CharField
from django.utils import timezone
from uuid_utils.compat import uuid7

from tests.harness.processes import ROOT

# Where the tables of the version before stood: its newest migration in each app.
BEFORE = {
    "accounts": "0001",
    "api": "0001",
    "chats": "0006",
    "compare": "0001",
    "openai": "0001",
    "runs": "0009",
    "schedules": "0002",
    "streams": "0001",
    "webhooks": "0001",
}
WAY_BACK = dict(
    re.findall(r"python manage\.py migrate (\w+) (\d{4})", (ROOT / "docs" / "deploying.md").read_text()),
)


def newer_migrations() -> list:
    migrations = MigrationLoader(None).disk_migrations
    return [migrations[key] for key in sorted(migrations) if key[0] in BEFORE and key[1][:4] > BEFORE[key[0]]]


def tables_of_before():
    """The models as the version before knew them."""
    loader = MigrationLoader(connection)
    nodes = [key for key in loader.disk_migrations if BEFORE.get(key[0]) == key[1][:4]]
    return loader.project_state([*nodes, *loader.graph.leaf_nodes("auth")]).apps


def write_as_before(owner) -> tuple:
    """A chat, an answer in it and a program's request, written by the version before. Their keys."""
    models = tables_of_before()
    session = models.get_model("chats", "Session").objects.create(owner_id=owner.pk)
    message = models.get_model("chats", "Message").objects.create(session=session, role="user", content="Hello")
    Run, Exchange = models.get_model("runs", "Run"), models.get_model("openai", "Exchange")
    run = Run.objects.create(session=session, message=message, queued_at=timezone.now())
    Exchange.objects.create(run=run, kind="chat", input=[], chain=uuid7())
    return session.pk, message.pk, run.pk


def test_the_way_back_names_every_app_whose_tables_have_changed():
    changed = {migration.app_label for migration in newer_migrations()}
    assert {app: BEFORE[app] for app in changed} == WAY_BACK


def only_widens(migration, operation) -> bool:
    """Whether an AlterField changes no more than what Django does not store, or lets a text be longer."""
    state = MigrationLoader(None).project_state(migration.dependencies)
    before = state.models[migration.app_label, operation.model_name_lower].get_field(operation.name)
    (_, *old), (_, *new) = _deconstructed(before), _deconstructed(operation.field)
    if isinstance(before, CharField) and isinstance(operation.field, CharField):
        return old[-1].pop("max_length") <= new[-1].pop("max_length") and old[1:] == new[1:]
    return old == new


def _deconstructed(field) -> tuple:
    """The field's path and options, without those that Django does not store."""
    name, path, arguments, options = field.deconstruct()
    return name, path, arguments, {key: value for key, value in options.items() if key not in field.non_db_attrs}


@pytest.mark.parametrize("migration", newer_migrations(), ids=str)
def test_no_migration_takes_away_or_demands_what_the_version_before_does_not_know(migration):
    made = {
        (one.app_label, operation.name_lower)
        for one in newer_migrations()
        for operation in one.operations
        if isinstance(operation, operations.CreateModel)
    }
    for operation in migration.operations:
        assert not isinstance(operation, (operations.RemoveField, operations.RenameField)), operation
        assert not isinstance(operation, (operations.DeleteModel, operations.RenameModel)), operation
        assert operation.reversible, operation
        if isinstance(operation, (operations.AddField, operations.AlterField)):
            is_new_table = (migration.app_label, operation.model_name_lower) in made
            field = operation.field
            if isinstance(operation, operations.AlterField) and only_widens(migration, operation):
                continue
            assert is_new_table or field.null or field.many_to_many or field.has_db_default(), operation.name


@pytest.mark.django_db
def test_the_version_before_writes_into_the_newer_tables():
    """As its web servers do between `migrate` and their restart."""
    _, _, run = write_as_before(get_user_model().objects.create_user("alice"))
    from chatapp.openai.models import Exchange
    from runs.models import Run

    assert Run.objects.get(pk=run).left_out == 0
    assert Exchange.objects.get(pk=run).characters == 0


@pytest.mark.django_db(transaction=True)
def test_the_documented_way_leads_back_and_forward_again():
    owner = get_user_model().objects.create_user("alice")
    try:
        for app, number in WAY_BACK.items():
            call_command("migrate", app, number, verbosity=0)
        with connection.cursor() as cursor:
            columns = {column.name for column in connection.introspection.get_table_description(cursor, "runs_run")}
        assert "left_out" not in columns
        assert "accounts_onetimelink" not in connection.introspection.table_names()
        session, _, _ = write_as_before(owner)
        models = tables_of_before()
        assert models.get_model("chats", "Session").objects.get(pk=session).owner_id == owner.pk
    finally:
        call_command("migrate", verbosity=0)
    from chatapp.chats.models import Session

    assert Session.objects.get(pk=session).runs.get().left_out == 0
    owner.delete()
