"""`manage.py login_link [USER]`: a one-time log-in link, for an owner without a password."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from chatapp.accounts.links import login_link
from chatapp.accounts.people import ensure_owner
from chatapp.ops.site_address import site_address


class Command(BaseCommand):
    help = "Print a link that logs a user in once, within a few minutes."

    def add_arguments(self, parser):
        parser.add_argument("user", nargs="?", help="username (default: the site's owner)")
        parser.add_argument("--site", help="address of the site, e.g. https://chat.example.org")

    def handle(self, *, user, site, **options):
        self.stdout.write(login_link(_find_user(user), site_address(site)))


def _find_user(username: str | None):
    if username is None:
        person = ensure_owner()
    else:
        person = get_user_model().objects.filter(username=username, is_active=True).first()
    if person is None:
        raise CommandError(f"There is no active {f'user {username}' if username else 'superuser'}.")
    return person
