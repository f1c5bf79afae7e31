"""`manage.py login_link [USER]`: a one-time log-in link, for an owner without a password."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from chatapp.ops.site_address import site_address
from chatapp.ops.site_owner import ensure_owner, login_link


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
