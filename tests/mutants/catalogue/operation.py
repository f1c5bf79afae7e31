"""Faults in what keeps a site going, and in what keeps its secrets to itself."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "the version before cannot write a run into the newer tables",
        "runs/migrations/0010_left_out.py",
        "db_default=0, default=0",
        "default=0",
        "tests/ops/test_back_one_version.py::test_no_migration_takes_away_or_demands_what_the_version_before_does_not_know[runs.0010_left_out]",
    ),
    Mutant(
        "a part that was ready and dies counts as a failed start",
        "chatapp/ops/part_supervisor.py",
        "self._failed_starts = 0 if was_ready else self._failed_starts + 1",
        "self._failed_starts = self._failed_starts + 1",
        "tests/ops/test_supervisor.py::test_a_part_that_is_killed_is_started_again_with_a_word_of_it",
    ),
    Mutant(
        "a part is given up one start too late",
        "chatapp/ops/part_supervisor.py",
        "if self._failed_starts >= MAX_FAILED_STARTS:",
        "if self._failed_starts > MAX_FAILED_STARTS:",
        "tests/ops/test_supervisor.py::test_a_part_that_fails_again_and_again_at_its_start_is_given_up_with_its_last_words",
    ),
    Mutant(
        "the pauses between starts do not grow",
        "chatapp/ops/part_supervisor.py",
        "        self._recent_exits += 1\n",
        "",
        "tests/ops/test_supervisor.py::test_the_pauses_grow_until_the_part_has_stayed_up_for_a_while",
    ),
    Mutant(
        "a part is started although everything stops",
        "chatapp/ops/part_supervisor.py",
        "            if self._stopping.is_set():\n                return None\n",
        "",
        "tests/ops/test_supervisor.py::test_a_part_that_was_about_to_start_when_everything_stops_is_not_started",
    ),
    Mutant(
        "what is written is readable by all users of the machine",
        "chatapp/ops/private_files.py",
        "os.umask(0o077)",
        "os.umask(0o022)",
        "tests/ops/test_private_files.py::test_whatever_the_umask_what_is_written_is_private",
    ),
    Mutant(
        "the target of a link is made private",
        "chatapp/ops/private_files.py",
        "not stat.S_ISLNK(mode.st_mode)",
        "True",
        "tests/ops/test_private_files.py::test_a_directory_that_all_users_share_and_the_target_of_a_link_are_left_alone",
    ),
    Mutant(
        "a quoted path keeps its secret",
        "chatapp/observability/redaction.py",
        "plain = unquote(plain)",
        "plain = address",
        "tests/ops/test_redaction.py::test_a_secret_does_not_stay_in_an_address_nor_in_a_line_with_one",
    ),
    Mutant(
        "lines of a log keep secrets",
        "chatapp/observability/log_format.py",
        "    without_secrets,\n",
        "",
        "tests/ops/test_redaction.py::test_no_logger_writes_a_secret_in_whatever_form",
    ),
    Mutant(
        "daphne's access log keeps secrets",
        "chatapp/observability/log_format.py",
        "write_unredacted(self, host, date, redact(request), **more)",
        "write_unredacted(self, host, date, request, **more)",
        "tests/ops/test_redaction.py::test_the_access_log_of_daphne_has_no_secret",
    ),
    Mutant(
        "private data may be stored",
        "chatapp/middleware/headers.py",
        'return "private, no-cache" if is_page else "no-store"',
        'return "private, no-cache"',
        "tests/ops/test_headers.py::test_private_data_is_stored_nowhere_and_pages_may_be_kept_for_back",
    ),
    Mutant(
        "another subdomain may set the cookie of forms",
        "chatapp/settings/security.py",
        '"__Host-csrftoken" if HTTPS else "csrftoken"',
        '"csrftoken"',
        "tests/ops/test_headers.py::test_with_https_cookies_are_bound_to_this_host_and_browsers_stay_with_it",
    ),
]
