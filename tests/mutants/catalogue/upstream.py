"""Faults where an upstream is read and asked: the work for a byte, and how often a request is sent."""

from tests.mutants.mutant import Mutant

WORK = "tests/runs/test_bounded_work.py::"
CONNECTIONS = "tests/runs/test_connections.py::"
CONTEXTS = "tests/openai/test_contexts.py::"
PROMPTS = "tests/runs/test_request.py::"
LARGE = "tests/runs/test_large_events.py::"
READING = "tests/runs/test_chunks.py::"
RECORDER = "tests/runs/test_recorder.py::"

MUTANTS = [
    Mutant(
        "A line that is not complete is joined anew with each piece",
        "runs/net/sse.py",
        "            self._partial_line += rest\n",
        "            self._partial_line = bytearray(bytes(self._partial_line) + rest)\n",
        WORK + "test_a_line_in_tiny_pieces_is_not_looked_at_again_with_each_of_them",
    ),
    Mutant(
        "An event may have any number of lines",
        "runs/net/sse.py",
        " or len(data) > MAX_EVENT_LINES",
        "",
        WORK + "test_an_event_has_a_limit_of_lines_and_they_are_not_counted_again_with_each_piece",
    ),
    Mutant(
        "What an event holds is not counted over its lines",
        "runs/net/sse.py",
        "self._data_bytes += sum(",
        "self._data_bytes = sum(",
        WORK + "test_what_an_event_holds_is_counted_over_its_lines_and_anew_for_the_next_one",
    ),
    Mutant(
        "All that has come is taken in one turn of the loop",
        "runs/net/connection.py",
        "return size > SLICE_BYTES or not",
        "return not",
        WORK + "test_of_a_flood_only_a_slice_is_taken_in_a_turn_of_the_loop",
    ),
    Mutant(
        "What comes unasked stays on a connection that is kept",
        "runs/net/connection.py",
        "            if self._is_idle:",
        "            if False:",
        WORK + "test_a_kept_connection_on_which_something_comes_unasked_is_closed",
    ),
    Mutant(
        "A response that follows the one that was asked for is taken for a part of it",
        "runs/net/connection.py",
        "if not self._is_complete:\n            self._pieces.append(piece)",
        "if True:\n            self._pieces.append(piece)",
        WORK + "test_what_follows_a_response_is_no_part_of_it_nor_of_the_next_one",
    ),
    Mutant(
        "One run may fill a whole commit",
        "runs/worker/recorder.py",
        "return self._writer.is_full or self._cursor.seq - self._share_start >= BATCH_EVENTS",
        "return self._writer.is_full",
        RECORDER + "test_a_run_is_limited_to_its_share_of_a_batch",
    ),
    Mutant(
        "A request that was lost with a kept connection is sent again by itself",
        "runs/net/http1.py",
        "                self._client.close_idle(self._origin)\n            raise\n",
        "                self._connection = await self._client.connect(self._origin)\n"
        "                await self._connection.send_request(self._data, self._read_timeout, self._max_bytes)\n"
        "                return self._connection\n            raise\n",
        CONNECTIONS + "test_a_request_that_was_taken_over_a_kept_connection_is_not_sent_again_by_itself",
    ),
    Mutant(
        "A kept connection is used without a look whether it has ended",
        "runs/net/http1.py",
        "                if not connection.has_expired:",
        "                if True:",
        CONNECTIONS + "test_a_connection_that_was_closed_before_the_request_is_noticed_and_another_one_is_used",
    ),
    Mutant(
        "Half a head that came over a kept connection counts for nothing",
        "runs/net/connection.py",
        "was_idle and self._bytes == 0 and",
        "was_idle and",
        CONNECTIONS + "test_a_request_that_was_taken_over_a_kept_connection_is_not_sent_again_by_itself",
    ),
    Mutant(
        "Large events are parsed in the loop",
        "runs/upstream/answer.py",
        "        if len(payloads[0]) > LARGE_EVENT_BYTES:",
        "        if False:",
        LARGE + "test_large_events_that_end_at_once_are_parsed_one_at_a_time_and_the_loop_turns_between_them",
    ),
    Mutant(
        "Large events are parsed all at once",
        "runs/net/loop_budget.py",
        "        await self._thread_lock.acquire()\n",
        "        self._thread_lock.locked() or await self._thread_lock.acquire()\n",
        LARGE + "test_who_is_stopped_while_a_large_event_is_parsed_ends_at_once_and_the_next_one_has_its_turn",
    ),
    Mutant(
        "An event may have any number of values",
        "runs/upstream/chunks.py",
        "    if _has_too_many_values(payloads[0]):",
        "    if False:",
        LARGE + "test_a_large_event_may_have_any_text_but_not_any_number_of_values",
    ),
    Mutant(
        "A connection that ends while a large event is parsed takes the event with it",
        "runs/net/connection.py",
        "        if self._backlog or self._is_paused:\n",
        "        if self._backlog:\n",
        LARGE + "test_a_connection_that_ends_before_a_large_event_is_parsed_does_not_take_it_along",
    ),
    Mutant(
        "Connections together take as much in a turn as they like",
        "runs/net/loop_budget.py",
        "        return self._spent <= ITERATION_BYTES",
        "        return True",
        LARGE + "test_the_connections_of_a_loop_share_what_is_taken_in_a_turn_of_it",
    ),
    Mutant(
        "What was put off is taken all in the next turn",
        "runs/net/loop_budget.py",
        "            if remaining <= 0:",
        "            if False:",
        LARGE + "test_the_connections_of_a_loop_share_what_is_taken_in_a_turn_of_it",
    ),
    Mutant(
        "What is no body may be as long as it likes",
        "runs/net/connection.py",
        "if self._framing_bytes > HEAD_BYTES:",
        "if False:",
        WORK + "test_a_trailer_or_an_extension_without_an_end_is_no_answer",
    ),
    Mutant(
        "JSON that is nested too deeply is an error of ours",
        "runs/upstream/failures.py",
        "    except TypeError:  # orjson's for",
        "    except OSError:  # orjson's for",
        READING + "test_whatever_stands_in_an_error_s_place_is_a_failure_that_can_be_stored",
    ),
    Mutant(
        "Any JSON is taken for a string",
        "runs/upstream/tool_calls.py",
        "    if isinstance(value, int):\n        value = str(value)",
        "    value = str(value)",
        READING + "test_what_is_no_chunk_is_garbage_and_what_came_before_is_kept",
    ),
    Mutant(
        "Halves of surrogate pairs reach the log",
        "runs/upstream/chunks.py",
        "    if not is_strict:",
        "    if False:",
        READING + "test_half_of_a_surrogate_pair_and_broken_bytes_become_replacement_characters",
    ),
    Mutant(
        "An answer that goes on is sent whole, however long it is",
        "runs/upstream/chat_context.py",
        "    written = answer[-max(most // 2, 1) :]",
        "    written = answer",
        PROMPTS + "test_only_the_end_of_a_long_continued_answer_is_sent_and_staff_see_it",
    ),
    Mutant(
        "the first question of an overlong chat is left out",
        "runs/upstream/trimming.py",
        "    first = before[:oldest]\n",
        "    first = []\n",
        "tests/runs/test_long_chats.py::test_the_first_question_and_the_newest_messages_stay",
    ),
    Mutant(
        "a request that was too long is not trimmed",
        "runs/upstream/request.py",
        "if isinstance(error, UpstreamContextTooLong):",
        "if False:",
        "tests/runs/test_long_chats.py::test_a_request_that_was_too_long_is_trimmed_once_more",
    ),
    Mutant(
        "a refused parameter is sent again",
        "runs/upstream/shaping.py",
        "    for name in profile.omit & shaped.keys() - RESERVED_PARAMETERS:\n        del shaped[name]\n",
        "",
        "tests/runs/test_profiles.py::test_no_vendor_refuses_a_request_of_ours",
    ),
    Mutant(
        "what a refusal teaches is forgotten",
        "runs/upstream/learning.py",
        "        learned |= lesson.layer | ",
        "        learned |= ",
        "tests/runs/test_profiles.py::test_an_unknown_server_s_refusals_are_learned_from_once",
    ),
    Mutant(
        "A chat goes to the model from its beginning, however long it is",
        "chatapp/chats/context.py",
        "    kept = [step for index, step in enumerate(steps) if index == 0 or _fits(index, step.total, budget)]\n",
        "    kept = list(steps)\n",
        PROMPTS + "test_the_oldest_exchanges_of_a_long_chat_are_left_out_whole_and_the_run_says_so",
    ),
    Mutant(
        "What is left of a long chat begins with an answer",
        "chatapp/chats/context.py",
        "while len(kept) > 1 and kept[-1].kind != Role.USER:",
        "while False:",
        PROMPTS + "test_the_oldest_exchanges_of_a_long_chat_are_left_out_whole_and_the_run_says_so",
    ),
    Mutant(
        "A chain of responses may be as long as it likes",
        "chatapp/openai/run_requests.py",
        "before + characters > settings.CONTEXT_MAX_CHARACTERS or",
        "characters > settings.CONTEXT_MAX_CHARACTERS or",
        CONTEXTS + "test_a_chain_that_grows_too_long_is_refused_before_anything_is_stored",
    ),
    Mutant(
        "Who has stored as much as is allowed goes on sending",
        "runs/limits.py",
        "    if storage_usage.is_full(user.pk):",
        "    if False:",
        "tests/runs/test_quota.py::test_a_full_quota_refuses_messages_until_something_is_deleted",
    ),
]
