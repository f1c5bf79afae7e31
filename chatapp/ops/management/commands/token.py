"""`manage.py token USER`: a new token for the API, shown this once; only its hash is kept."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from knox.models import get_token_model


class Command(BaseCommand):
    help = "Print a new API token of a user. It is shown only this once."

    def add_arguments(self, parser):
        parser.add_argument("user", help="username")
        parser.add_argument("--days", type=int, help="days until it expires; without it, never")

    def handle(self, *, user, days, **options):
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days is a number from 1 to 36500.")
        owner = get_user_model().objects.filter(username=user, is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no active user {user!r}.")
        _, token = get_token_model().objects.create(owner, expiry=days and timedelta(days=days))
        self.stderr.write(f"A token for {user}, shown only this once. Send it as: Authorization: Bearer <token>")
        self.stdout.write(token)
