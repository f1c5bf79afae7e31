"""Faults in what a reader's browser gets: names, bounds of pages and files."""

from tests.mutants.mutant import Mutant

MUTANTS = [
    Mutant(
        "an untitled chat is called by its first question, though that was edited away",
        "chatapp/chats/naming.py",
        "first = Coalesce(Root(end), Subquery(_first_question))",
        "first = Subquery(_first_question)",
        "tests/pages/test_naming.py::test_a_question_that_was_edited_away_names_nothing",
    ),
    Mutant(
        "the live drawing goes as deep as it is written",
        "chatapp/pages/static/pages/bounds.js",
        "if (level > (isInline ? ALL_LEVELS : LEVELS)) throw new TooMuch();",
        "",
        "tests/browser/test_bounds.py::test_what_stands_stays_when_the_rest_is_too_much",
    ),
    Mutant(
        "what the parser had read and not drawn is lost where the drawing ends",
        "chatapp/pages/static/pages/drawing.js",
        "return held + text.slice(drawn);",
        "return text.slice(drawn);",
        "tests/browser/test_bounds.py::test_what_stands_stays_when_the_rest_is_too_much",
    ),
    Mutant(
        "a page of a shared chat is as long as its messages are",
        "chatapp/pages/sharing.py",
        "return max(sum(total <= PAGE_CHARACTERS for total in totals), min(len(ids), 1))",
        "return len(ids)",
        "tests/pages/test_sharing.py::test_a_page_of_long_answers_has_fewer_of_them_and_never_none",
    ),
    Mutant(
        "a shared chat is not throttled",
        "chatapp/pages/sharing.py",
        "@throttled_address\n",
        "",
        "tests/accounts/test_throttles.py::test_what_everybody_may_read_is_counted_by_address",
    ),
    Mutant(
        "all of a session is read before the first byte of its export",
        "runs/export.py",
        "for start in range(0, len(ids), AT_ONCE):\n        some = ids[start : start + AT_ONCE]",
        "for start in range(0, len(ids), len(ids)):\n        some = ids",
        "tests/pages/test_export.py::test_no_more_than_a_few_messages_are_in_memory_at_once",
    ),
    Mutant(
        "final HTML has as many elements as it likes",
        "runs/rendering/markdown.py",
        'or html.count("<") > HTML_TAGS',
        "",
        "tests/runs/test_rendering.py::test_what_would_be_too_many_elements_for_a_tab_is_shown_as_it_was_written",
    ),
    Mutant(
        "a text that is shown as it was written is one box, however long",
        "runs/rendering/stretches.py",
        "if weight_of(text) <= LONGEST:",
        "if True:",
        "tests/pages/test_long.py::test_a_long_text_stands_in_stretches_wherever_it_stands",
    ),
    Mutant(
        "an accent costs no more to lay out than a letter",
        "runs/rendering/stretches.py",
        'return len(text) + (MARK - 1) * "".join(map(category, text)).count("M")',
        "return len(text)",
        "tests/runs/test_stretches.py::test_accents_fill_a_box_four_times_as_fast_as_letters",
    ),
    Mutant(
        "a paragraph of final HTML is one box, however long",
        "runs/rendering/markdown.py",
        'parser.core.ruler.push("stretches", stretch_paragraphs)',
        "pass",
        "tests/runs/test_stretches.py::test_what_comes_of_markdown_has_no_longer_text_in_one_box",
    ),
    Mutant(
        "an emphasis in a paragraph is as long as it likes",
        "runs/rendering/paragraphs.py",
        "if any(_weight(unit) > LONGEST + STRETCH for unit in units):",
        "if False:",
        "tests/runs/test_stretches.py::test_what_comes_of_markdown_has_no_longer_text_in_one_box",
    ),
]
