"""`manage.py token USER`: create an API token. It is shown once; only its hash is stored."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from chatapp.accounts.models import Scope
from chatapp.accounts.tokens import LifetimeRefused, TooManyTokens, default_lifetime, make_token

FOREVER = 0
MAX_DAYS = 36_500


class Command(BaseCommand):
    help = "Create an API token for a user, and print it. It is shown only once."

    def add_arguments(self, parser):
        parser.add_argument("user", help="username")
        parser.add_argument("--name", default="made with manage.py", help="a name to recognize the token by")
        parser.add_argument("--days", type=int, help="days until it expires (default: 90); 0 = never")
        parser.add_argument("--read-only", action="store_true", help="allow reading only")

    def handle(self, *, user, name, days, read_only, **options):
        days = default_lifetime() if days is None else days
        if not 0 <= days <= MAX_DAYS:
            raise CommandError(f"--days must be from 0 to {MAX_DAYS}.")
        owner = get_user_model().objects.filter(username=user, is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no active user {user!r}.")
        scope = Scope.READ if read_only else Scope.WRITE
        try:
            _, token = make_token(owner, name[:100], scope, None if days == FOREVER else days)
        except LifetimeRefused:
            raise CommandError(f"--days must not exceed TOKEN_MAX_DAYS ({settings.TOKEN_MAX_DAYS}).") from None
        except TooManyTokens:
            raise CommandError(f"{user} has too many tokens. Revoke some first.") from None
        self.stderr.write(f"A token for {user}, shown only once. Send it as: Authorization: Bearer <token>")
        self.stdout.write(token)
