"""Faults in what opens in place of a page, and in what is kept of an edit whose card is replaced."""

from tests.mutants.mutant import Mutant

NAVIGATION = "chatapp/web/shell/static/navigation.js"
CARD_EDITS = "chatapp/web/chat/static/card_edits.js"
IN_PLACE, QUEUE = "tests/browser/test_in_place.py", "tests/browser/test_queue.py"
MUTANTS = [
    Mutant(
        "a chat that has just been started is loaded as a page",
        NAVIGATION,
        "if (this.#fits(main)) this.#enter(address, main);\n    else location.assign(address);",
        "location.assign(address);",
        f"{IN_PLACE}::test_a_new_chat_opens_in_place_and_back_forward_and_reload_are_right",
    ),
    Mutant(
        "the form that starts a chat is shown again as it was left",
        NAVIGATION,
        'if (view.session === "") return view.close();',
        "",
        f"{IN_PLACE}::test_an_idea_to_begin_with_opens_in_place",
    ),
    Mutant(
        "a chat that is shown again is not brought up to date",
        NAVIGATION,
        "if (!isNew) this.view.resume();\n    else if (hit)",
        "if (!isNew);\n    else if (hit)",
        f"{IN_PLACE}::test_from_chat_to_chat_in_place_nothing_is_lost_or_shown_twice",
    ),
    Mutant(
        "a chat that is shown again is shown at its end",
        "chatapp/web/chat/static/chat_view.js",
        "this.#position = readingPosition();",
        "",
        f"{IN_PLACE}::test_a_chat_that_was_left_is_shown_where_its_reader_was",
    ),
    Mutant(
        "a chat that is shown again has the title of the one before",
        "chatapp/web/chat/static/chat_view.js",
        "  resume() {\n    setDocumentTitle(this.#title);",
        "  resume() {",
        f"{IN_PLACE}::test_from_chat_to_chat_in_place_nothing_is_lost_or_shown_twice",
    ),
    Mutant(
        "a hit of a search is shown wherever its chat begins",
        NAVIGATION,
        "    else if (hit) showElement(hit);\n",
        "",
        f"{IN_PLACE}::test_a_hit_of_a_search_opens_in_place_and_back_shows_the_results",
    ),
    Mutant(
        "a hit of a search does not get the focus",
        NAVIGATION,
        "if (hit) hit.focus({ preventScroll: true });\n    else if",
        "if",
        f"{IN_PLACE}::test_a_hit_of_a_search_opens_in_place_and_back_shows_the_results",
    ),
    Mutant(
        "the link past the list leads to what is no longer on the page",
        NAVIGATION,
        "    updateSkipLink(main);\n",
        "",
        f"{IN_PLACE}::test_a_hit_of_a_search_opens_in_place_and_back_shows_the_results",
    ),
    Mutant(
        "the results of a search are shown again from the top",
        "chatapp/web/shell/static/plain_view.js",
        "this.#top = scrollY;",
        "",
        f"{IN_PLACE}::test_a_hit_of_a_search_opens_in_place_and_back_shows_the_results",
    ),
    Mutant(
        "an idea to begin with is not in the form",
        NAVIGATION,
        "const address = link.pathname + link.search;",
        "const address = link.pathname;",
        f"{IN_PLACE}::test_an_idea_to_begin_with_opens_in_place",
    ),
    Mutant(
        "a notification loads a page",
        "chatapp/web/shell/static/notifications.js",
        "if (location.pathname !== path) openPath(path);",
        "if (location.pathname !== path) location.assign(path);",
        f"{IN_PLACE}::test_a_notification_opens_its_chat_in_place",
    ),
    Mutant(
        "a chat that was kept is shown after a log-out",
        NAVIGATION,
        '    document.addEventListener("loggedout", () => this.#forget());\n',
        "",
        f"{IN_PLACE}::test_a_chat_that_was_kept_is_not_shown_after_a_log_out",
    ),
    Mutant(
        "what another person gets is shown beside the list of the first",
        NAVIGATION,
        "&& userOf(main) === this.view.user",
        "",
        f"{IN_PLACE}::test_what_cannot_open_in_place_is_loaded_as_a_page",
    ),
    Mutant(
        "a card that comes anew loses the edit in it",
        CARD_EDITS,
        "if (next) next.replaceWith(card);",
        "if (next);",
        f"{QUEUE}::test_a_card_that_is_being_edited_stays_open_when_another_one_comes",
    ),
    Mutant(
        "an edit that is refused is lost where its card came anew",
        CARD_EDITS,
        "if (current) current.replaceWith(card);",
        "if (current);",
        f"{QUEUE}::test_an_edit_that_is_refused_is_there_although_its_card_came_anew",
    ),
    Mutant(
        "an edit is lost where its message is sent meanwhile",
        CARD_EDITS,
        "else if (hasBegun(card.dataset.queued)) moveToComposer(card, SENT);",
        "",
        f"{QUEUE}::test_an_edit_of_a_message_that_is_sent_meanwhile_goes_to_the_message_field",
    ),
    Mutant(
        "an edit takes the place of what stands in the message field",
        CARD_EDITS,
        'field.value = [field.value, value].filter(Boolean).join("\\n\\n");',
        "field.value = value;",
        f"{QUEUE}::test_an_edit_of_a_message_that_is_sent_meanwhile_goes_to_the_message_field",
    ),
    Mutant(
        "an edit that comes too late is lost",
        CARD_EDITS,
        "else moveToComposer(card);",
        "",
        f"{QUEUE}::test_an_edit_that_is_saved_too_late_goes_to_the_message_field",
    ),
    Mutant(
        "a card keeps its editor open after its edit was saved",
        "chatapp/web/chat/static/message_forms.js",
        "if (editor) editor.open = false; // an open one would keep its card from being replaced",
        "",
        f"{QUEUE}::test_cards_are_edited_removed_and_sent_now",
    ),
]
