"""Faults about files that go with messages."""

from tests.mutants.mutant import Mutant

FILES = "tests/web/test_attachments.py"

MUTANTS = [
    Mutant(
        "the model does not read the files of a message",
        "runs/upstream/context/turns.py",
        "content = content_of(message.content, message.attachments.all(), shown if message.role == Role.USER else ())",
        "content = message.content",
        f"{FILES}::test_the_model_reads_the_words_and_then_each_file_in_a_fence_longer_than_any_in_it",
    ),
    Mutant(
        "files do not count as part of a message",
        "runs/limits.py",
        "check_length(full_text(text, files),",
        "check_length(text,",
        f"{FILES}::test_files_count_as_part_of_the_message",
    ),
    Mutant(
        "one file less than the limit allows",
        "runs/limits.py",
        "if len(files) > settings.PROMPT_MAX_FILES:",
        "if len(files) >= settings.PROMPT_MAX_FILES:",
        f"{FILES}::test_only_so_many_files_go_with_one_message[20-302]",
    ),
    Mutant(
        "a file can close its own fence",
        "chatapp/chats/attachments.py",
        "default=2) + 1",
        "default=3)",
        f"{FILES}::test_the_model_reads_the_words_and_then_each_file_in_a_fence_longer_than_any_in_it",
    ),
    Mutant(
        "a question that is edited loses its files",
        "runs/actions.py",
        "attach_held(other, files)",
        "attach_held(other, [])",
        f"{FILES}::test_a_question_that_is_edited_keeps_its_files_and_loses_those_that_are_removed",
    ),
    Mutant(
        "a request with other files passes for the same one",
        "runs/actions.py",
        "fingerprint_of(full_text(text, files), model, when_busy, *stored)",
        "fingerprint_of(text, model, when_busy)",
        "tests/api/test_attachments.py::test_the_same_key_with_other_files_is_another_request",
    ),
    Mutant(
        "the migration takes apart what it could not put together again",
        "chatapp/chats/migrations/0008_files_out_of_messages.py",
        "if is_storable and compose(words, files) == content else",
        "if is_storable else",
        "tests/chats/test_files_out_of_messages.py::test_what_only_looks_like_a_file_stays_in_the_words",
    ),
    Mutant(
        "words of a file are not found together with those of its message",
        "chatapp/chats/search.py",
        " | Q(pk__in=_in_files(prefix))",
        "",
        "tests/web/test_search.py::test_words_of_files_and_of_their_message_are_found_together",
        database="postgres",
    ),
    Mutant(
        "no later migration can change a table of the index",
        "chatapp/chats/search.py",
        "for name in _triggers(cursor):",
        "for name in ():",
        "tests/web/test_search.py::test_tables_of_the_index_can_be_changed_by_later_migrations",
    ),
]
