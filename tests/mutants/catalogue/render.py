"""Faults in the making of HTML at an answer's end."""

from tests.mutants.mutant import Mutant

BACKLOG, HIGHLIGHTING = "tests/runs/test_backlog.py", "tests/runs/test_highlighting.py"
GFM = "tests/browser_units/test_gfm.py::test_the_server_renders_what_gfm_specifies"
MUTANTS = [
    Mutant(
        "an answer that has grown gets the HTML of what it was",
        "runs/rendering/backlog.py",
        "same = Message.objects.filter(pk=message.pk, state=message.state, content=message.content)",
        "same = Message.objects.filter(pk=message.pk)",
        f"{BACKLOG}::test_an_answer_that_grows_meanwhile_does_not_get_the_html_of_what_it_was",
    ),
    Mutant(
        "a text that kills workers is tried without end",
        "runs/rendering/backlog.py",
        "if message.html_tries >= MAX_ATTEMPTS:",
        "if False:",
        f"{BACKLOG}::test_a_worker_that_is_killed_while_html_is_made_leaves_it_due_but_not_without_end",
    ),
    Mutant(
        "two workers make the same HTML",
        "runs/rendering/backlog.py",
        'return message if own.update(html_tries=F("html_tries") + 1, html_due_at=again) else None',
        'return message if own.update(html_tries=F("html_tries") + 1) else None',
        f"{BACKLOG}::test_two_workers_do_not_make_the_same_html",
    ),
    Mutant(
        "a text over which the renderer is killed is tried again",
        "runs/rendering/backlog.py",
        "same.update(html=html, html_due_at=None)",
        "same.update(html=html, html_due_at=None) if html else None",
        f"{BACKLOG}::test_a_text_over_which_the_renderer_is_killed_stays_plain_and_is_never_tried_again",
    ),
    Mutant(
        "a renderer that takes too long is waited for",
        "runs/rendering/renderer.py",
        "deadline = time.monotonic() + self._seconds",
        "deadline = None",
        f"{BACKLOG}::test_a_text_that_takes_too_long_ends_the_renderer",
    ),
    Mutant(
        "an end makes no HTML due",
        "runs/lifecycle/transitions.py",
        "        **html_due(content),\n",
        "",
        f"{BACKLOG}::test_an_end_makes_html_due_and_it_is_made_once",
    ),
    Mutant(
        "a lexer that stands still is waited for",
        "runs/rendering/highlighting.py",
        "if budget.tokens < 0 or empty > MAX_EMPTY_TOKENS:",
        "if empty > MAX_EMPTY_TOKENS**9:",
        f"{HIGHLIGHTING}::test_the_code_of_one_answer_shares_a_budget",
    ),
    Mutant(
        "a long run of blank lines is given to a lexer",
        "runs/rendering/highlighting.py",
        'if len(space[0]) > MAX_SPACES or space[0].count("\\n") > MAX_BLANK_LINES + 1:',
        "if False:",
        f"{HIGHLIGHTING}::test_no_lexer_sees_a_long_run_of_white_space",
    ),
    Mutant(
        "a link of a final answer leads into this site",
        "runs/rendering/markdown.py",
        "if not ABSOLUTE_URL.match(url):",
        "if False:",
        "tests/runs/test_rendering.py::test_a_link_leads_to_another_site_or_nowhere[https:/settings]",
    ),
    Mutant(
        "the renderer's end of its socket is as gevent made it",
        "runs/rendering/__main__.py",
        "channel.setblocking(True)",
        "pass",
        f"{BACKLOG}::test_on_gevent_texts_longer_than_a_socket_holds_come_and_go_through_one_process",
    ),
    Mutant(
        "the HTML of answers is made in the order in which they ended",
        "runs/rendering/fair_queue.py",
        "(entry.priority, self._seconds[entry.owner], entry.number)",
        "(entry.priority, entry.number)",
        "tests/runs/test_fair_queue.py::test_many_slow_answers_of_one_user_do_not_delay_another_user",
    ),
    Mutant(
        "a renderer beside a large worker ends after each text",
        "runs/rendering/__main__.py",
        "has_grown = _held_bytes() > GROWN_BYTES",
        "has_grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > GROWN_BYTES",
        f"{BACKLOG}::test_a_worker_of_any_size_keeps_its_renderer",
    ),
    Mutant(
        "www. begins a link only where other marks do",
        "runs/rendering/grammar.py",
        '    parser.inline.ruler.at("text", _text)\n',
        "",
        f"{GFM}[www with a path]",
    ),
    Mutant(
        "an underscore in the last parts of a host makes no difference",
        "runs/rendering/grammar.py",
        'if any("_" in part for part in',
        'if any("_" * 99 in part for part in',
        f"{GFM}[no underscore in the last two parts of a host]",
    ),
    Mutant(
        "an address takes the entity that follows it",
        "runs/rendering/grammar.py",
        "(?:&[a-zA-Z0-9]+;|[?!.,:;*_~'|])+",
        "[?!.,:;*_~'|]+",
        f"{GFM}[what looks like an entity at the end is none of an address]",
    ),
    Mutant(
        "an e-mail address may end with a hyphen",
        "runs/rendering/grammar.py",
        'or found[0].endswith(("-", "_"))',
        "",
        f"{GFM}[what an e-mail address may end with]",
    ),
    Mutant(
        "three tildes strike out",
        "runs/rendering/grammar.py",
        '    parser.inline.ruler.before("strikethrough", "tildes", _tildes)\n',
        "",
        f"{GFM}[three tildes strike nothing]",
    ),
    Mutant(
        "the page makes no link of an e-mail address, unlike the server",
        "chatapp/web/chat/static/link_rules.js",
        '  parser.inline.ruler2.after("fragments_join", "email_link", emailLinks);\n',
        "",
        "tests/browser_units/test_gfm.py::test_the_page_draws_the_same_however_it_arrives",
    ),
]
