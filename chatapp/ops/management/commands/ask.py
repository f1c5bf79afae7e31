"""`manage.py ask "prompt"`: stream an answer to the terminal, through the same path as the pages."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from chatapp.chats.models import Session
from chatapp.ops.run_printer import describe_end, only_warnings, show
from runs.actions import send
from runs.errors import RunError
from runs.states import Trigger


class Command(BaseCommand):
    help = "Ask a model and print its answer as it is written. Ctrl-C exits; the run continues."

    def add_arguments(self, parser):
        parser.add_argument("prompt")
        parser.add_argument("--model", default="", help="name of the model (default: the site's default model)")
        parser.add_argument("--user", help="owner of the new session (default: the only superuser)")

    def handle(self, *, prompt, model, user, **options):
        owner = named(user) if user else only_superuser()
        try:
            with only_warnings(), transaction.atomic():  # a prompt that is refused leaves no empty session behind
                session = Session.objects.create(owner=owner)
                run = send(session, prompt, user=owner, model=model, trigger=Trigger.TERMINAL)
        except RunError as error:
            raise CommandError(f"{error.message} ({error.code})") from None
        run.refresh_from_db()  # dispatched on commit, which may have failed
        if run.is_final:  # it could not be started; the message is kept
            raise CommandError(describe_end(run))
        if not show(run, 0, self.stdout, self.stderr):
            raise SystemExit(1)


def named(username: str):
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {username!r}.")
    return user


def only_superuser():
    users = get_user_model().objects.filter(is_superuser=True, is_active=True)[:2]
    if len(users) != 1:
        problem = "no superuser" if not users else "more than one superuser"
        raise CommandError(f"There is {problem}: name the owner of the session with --user NAME.")
    return users[0]
