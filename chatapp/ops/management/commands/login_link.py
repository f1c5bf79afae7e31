"""`manage.py login_link [USER]`: another link that logs in once, for an owner without a password."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from chatapp.ops import parts
from chatapp.ops.instance import site_running_in
from chatapp.ops.owner import ensure_owner, login_link


class Command(BaseCommand):
    help = "Prints a link that logs a user in, once, within a few minutes."

    def add_arguments(self, parser):
        parser.add_argument("user", nargs="?", help="user name; the site's owner if missing")
        parser.add_argument("--site", help="address of the site, e.g. https://chat.example.org")

    def handle(self, *, user, site, **options):
        site = site or site_running_in(settings.DATA_DIR) or _configured_site()
        self.stdout.write(login_link(_person(user), site.rstrip("/")))


def _person(username: str | None):
    if username is None:
        person = ensure_owner()
    else:
        person = get_user_model().objects.filter(username=username, is_active=True).first()
    if person is None:
        raise CommandError(f"There is no active user {username or 'who is a superuser'}.")
    return person


def _configured_site() -> str:
    return f"http://{parts.name_for(parts.loopback_of(settings.HOST))}:{settings.PORT}"
