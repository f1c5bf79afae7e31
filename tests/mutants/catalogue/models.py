"""Faults in what goes to which model: who may use it, what it accepts, what it learns, what of a long chat it reads."""

from tests.mutants.mutant import Mutant

PROFILES = "tests/runs/test_profiles.py::"
LONG = "tests/runs/test_long_chats.py::"
VENDORS = PROFILES + "test_no_vendor_refuses_a_request_of_ours"
REQUESTS = "tests/runs/test_request.py::"
COSTS = "tests/web/test_costs.py::"

MUTANTS = [
    Mutant(
        "a model that was taken away is asked all the same",
        "runs/upstream/request.py",
        "        raise ModelForbidden\n",
        "        pass\n",
        REQUESTS + "test_a_model_that_was_taken_away_gets_no_request",
    ),
    Mutant(
        "staff's profile of a model does not count",
        "runs/upstream/profiles/profile.py",
        "        model.profile,\n        model.learned,\n",
        "        model.learned,\n",
        PROFILES + "test_staff_have_the_last_word_but_for_what_a_server_refused",
    ),
    Mutant(
        "a faulty layer of a profile is used",
        "runs/upstream/profiles/profile.py",
        "            if _fault_of_value(name, value):\n                continue\n",
        "",
        PROFILES + "test_a_faulty_layer_is_told_to_staff_and_changes_nothing",
    ),
    Mutant(
        "a model without tools is sent some",
        "runs/upstream/profiles/profile.py",
        "        capability_layer(model),\n",
        "",
        "tests/runs/test_capabilities.py::test_only_what_a_model_certainly_cannot_do_is_left_out",
    ),
    Mutant(
        "neighbours of one role stay two messages",
        "runs/upstream/profiles/shaping.py",
        "        shaped = _merge_neighbours(shaped)\n",
        "        pass\n",
        VENDORS,
    ),
    Mutant(
        "a call without a signature is sent without one",
        "runs/upstream/profiles/shaping.py",
        "    if calls and profile.signatures:",
        "    if False:",
        VENDORS,
    ),
    Mutant(
        "a value out of range is left out for ever",
        "runs/upstream/learning.py",
        "    kept = [lesson for lesson in lessons if lesson.is_kept]\n",
        "    kept = list(lessons)\n",
        PROFILES + "test_a_value_out_of_range_is_left_out_this_time_only",
    ),
    Mutant(
        "the server's count of tokens teaches nothing",
        "runs/upstream/learning.py",
        "        _learn_ratio(request.model_id, request.text_bytes / request.prompt_tokens)\n",
        "        pass\n",
        LONG + "test_the_server_s_count_teaches_how_long_a_token_is",
    ),
    Mutant(
        "what is left of a long chat begins with an answer, after the gap",
        "runs/upstream/context/trimming.py",
        '    while start < len(messages) and messages[start]["role"] != "user":\n        start += 1\n',
        "",
        LONG + "test_no_answer_is_left_without_its_question",
    ),
    Mutant(
        "what an earlier gap left out is not counted again",
        "runs/upstream/context/trimming.py",
        "        missing += int(gap[1])\n",
        "",
        LONG + "test_trimming_again_counts_what_was_left_out_before",
    ),
    Mutant(
        "a cost tells a blind comparison's models apart",
        "chatapp/compare/panes.py",
        "        return figures if self.pane.comparison.hides_models else replace(",
        "        return figures if False else replace(",
        COSTS + "test_a_blind_comparison_hides_costs_until_the_vote",
    ),
    Mutant(
        "pages that an answer names begin it, so that it is not asked for again",
        "runs/upstream/reading/answer.py",
        "        if self._has_new_sources and (self.has_begun or recorded):\n",
        "        if self._has_new_sources:\n",
        "tests/runs/test_upstream_reading.py::"
        "test_sources_are_recorded_as_soon_as_there_is_text_and_again_only_if_there_are_more",
    ),
]
