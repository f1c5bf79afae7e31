"""`manage.py store_attachments`: store the contents of text files that earlier versions kept in messages alone."""

from django.core.management.base import BaseCommand

from runs.maintenance.attachment_files import store_batch


class Command(BaseCommand):
    help = (
        "Store the contents of text files that earlier versions kept in the database alone. The site may run "
        "meanwhile. What was interrupted goes on when the command is run again; nothing that is shown or sent changes."
    )

    def handle(self, **options):
        total = 0
        after = None
        while True:
            done, after = store_batch(after)
            total += done
            if after is None:
                break
            if options["verbosity"] > 1:
                self.stdout.write(f"{total} stored")
        self.stdout.write(f"{total} file{'' if total == 1 else 's'} stored.")
