"""`manage.py invite USERNAME`: create a user, and a link to choose a password."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from chatapp.accounts.invitations import UsernameTaken, invitation_link, invite
from chatapp.ops.site_address import site_address


class Command(BaseCommand):
    help = "Create a user, and print a link for choosing a password."

    def add_arguments(self, parser):
        parser.add_argument("username", help="name of the new user")
        parser.add_argument("--site", help="address of the site, e.g. https://chat.example.org")

    def handle(self, *, username, site, **options):
        try:
            user, token = invite(username)
        except UsernameTaken:
            raise CommandError(f"User {username} already exists and cannot be invited again.") from None
        except ValidationError as error:
            raise CommandError(error.messages[0]) from None
        self.stderr.write(f"An invitation for {user}, valid for {settings.INVITATION_DAYS:g} days:")
        self.stdout.write(invitation_link(token, site_address(site)))
