"""`manage.py rotate_keys`: encrypt providers' stored keys with the present SECRET_KEY."""

from django.core.management.base import BaseCommand

from runs import key_storage
from runs.models import Provider


class Command(BaseCommand):
    help = (
        "Encrypt the stored keys of providers with the present SECRET_KEY, after it has changed and while the earlier "
        "one is in SECRET_KEY_FALLBACKS. Exit code 1 if a key cannot be read."
    )

    def handle(self, **options):
        done = unreadable = 0
        for provider in Provider.objects.exclude(stored_key="").order_by("name"):
            before = provider.stored_key
            try:
                after = key_storage.reseal(before)
            except key_storage.KeyUnreadable:
                self.stderr.write(f"{provider.name}: its key cannot be read. Enter it again on the page Models.")
                unreadable += 1
                continue
            # Only if nobody has entered another key meanwhile
            done += Provider.objects.filter(pk=provider.pk, stored_key=before).update(stored_key=after)
        self.stdout.write(f"{done} key{'' if done == 1 else 's'} encrypted with the present SECRET_KEY.")
        if unreadable:
            raise SystemExit(1)
