"""`manage.py up`: run all parts of a site under one supervisor. `make run` calls it."""

import errno
import os
import sys
import time
from contextlib import ExitStack

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from chatapp.accounts.links import login_link
from chatapp.accounts.people import ensure_owner
from chatapp.ops import local_model, site_parts, valkey
from chatapp.ops.instance_lock import AlreadyRunning, hold_instance, redis_url_published
from chatapp.ops.network_probes import free_port, listen_error
from chatapp.ops.part_logs import Logs
from chatapp.ops.supervisor import Supervisor


class Command(BaseCommand):
    help = "Start Valkey, the local model, web server, worker and beat. Ctrl-C stops them in order."
    requires_system_checks = []  # `migrate` runs them

    def handle(self, **options):
        self.port = settings.PORT or free_port()
        host = site_parts.loopback_of(settings.HOST)
        self.site = f"http://{site_parts.name_for(host)}:{self.port}"
        try:
            with ExitStack() as self.held, hold_instance(settings.DATA_DIR, f"{self.site}/"):
                self._check_port()
                code = self._run()
        except AlreadyRunning as error:
            raise CommandError(error) from None
        if code:
            sys.exit(code)

    def _check_port(self):
        if error := listen_error(settings.HOST, self.port):
            in_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
            way_out = f"Choose another port: make run PORT={self.port + 1}" if in_port else "Check HOST."
            raise CommandError(f"Can't listen on {settings.HOST}:{self.port}: {error.strerror}. {way_out}")

    def _run(self) -> int:
        logs = Logs(settings.DATA_DIR / "log")
        self._print(f"Starting chatapp; data in {settings.DATA_DIR}, logs in {logs.directory}")
        supervisor = Supervisor(logs, self._print, self._bring_up)
        try:
            supervisor.loop()
        finally:
            logs.close()
        return supervisor.returncode

    def _bring_up(self, supervisor: Supervisor):
        try:
            redis_url = self._start_valkey(supervisor)
            self._prepare_database()
            local = self._local_model()
            starting = [
                *([site_parts.model_part(local)] if local else []),
                site_parts.worker_part(redis_url, local),
                site_parts.beat_part(redis_url),
                site_parts.web_part(settings.HOST, self.port, redis_url),
            ]
            for part in starting:
                supervisor.launch(part)
            self._print(f"  waiting for {', '.join(part.name for part in starting)} …")
            supervisor.wait_for(*starting)
            self._welcome()
        finally:
            connections.close_all()  # this thread's

    def _start_valkey(self, supervisor: Supervisor) -> str:
        """Return the broker's address: REDIS_URL, or that of a Valkey started here."""
        if os.environ.get("REDIS_URL"):
            self._print("  valkey    not started: REDIS_URL is set")
            return settings.REDIS_URL
        server = valkey.prepare(settings.DATA_DIR)
        part = site_parts.valkey_part(server)
        supervisor.launch(part)
        supervisor.wait_for(part)
        self.held.enter_context(redis_url_published(settings.DATA_DIR, server.url))
        return server.url

    def _prepare_database(self):
        begin = time.monotonic()
        self._print("  waiting for database …")  # a new one takes half a minute on a slow machine
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        self._print(f"  database  ready after {time.monotonic() - begin:.1f} s")

    def _local_model(self) -> local_model.LocalModel | None:
        if reason := local_model.reason_not_to_start():
            self._print(f"  model     not started: {reason}")
            local_model.retire()
            return None
        local = local_model.prepare()
        local_model.register(local)
        return local

    def _welcome(self):
        self._print(f"\nReady: {self.site}/")
        if owner := ensure_owner():
            minutes = settings.LOGIN_LINK_SECONDS // 60
            link = login_link(owner, self.site)
            self._print(f"Log in as {owner} with this link (works once, within {minutes} minutes): {link}")
            self._print(f"`{settings.COMMAND} login_link` creates another.")
        else:
            self._print(f"There is no active superuser; `{settings.COMMAND} createsuperuser` creates one.")
        self._print("Stop with Ctrl-C.")

    def _print(self, text: str):
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except OSError:  # the terminal is closed; stopping in order continues
            pass
