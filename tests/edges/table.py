"""Every address of the site, with what may stand in a request to it: one row for each method.

`test_url_map.py` walks the URL map and compares; an address, or a method, without a row fails there. What programs ask
has its rows in `tests/api/addresses.py`, the admin's forms are read from its own pages.
"""

from typing import NamedTuple

from tests.api.addresses import ROWS as OF_PROGRAMS
from tests.api.addresses import Row as ProgramRow

HOSTILE_ONLY = "?"  # the value of what is left out of a request that is right


class Row(NamedTuple):
    """`path` with `{names}` of the cast's things. `query` and `form` hold what its owner could send."""

    method: str
    path: str
    query: dict[str, str] = {}
    form: dict[str, str] = {}
    has_files: bool = False
    who: str = "alice"
    body: object = None  # of JSON
    statuses: tuple[int, ...] = ()  # that are right here and nowhere else
    file: bytes = b""


COMPOSER = {"text": "Hello", "model": "{model}", "key": "k1", "after": "", "system_prompt": "", "temperature": "0.5"}
COMPOSER |= {"max_tokens": "100"}
RULE = {"kind": "weekly", "at": "08:00", "weekdays": "1", "month_day": "1", "every": "1", "unit": "60"}
RULE |= {"starts": "2999-01-01T08:00", "cron": "0 9 * * *", "zone": "Europe/Berlin"}
SCHEDULE = RULE | {"name": "Morning", "prompt": "What is new?", "model": "{model}", "target": "same", "missed": "run"}
SCHEDULE |= {"overlap": "skip", "notify": "all", "preview": ""}
ROWS_OF_FORMSET = {"c-TOTAL_FORMS": "2", "c-INITIAL_FORMS": "0", "c-MIN_NUM_FORMS": "2", "c-MAX_NUM_FORMS": "6"}
COMPARE = {"prompt": "Which tree?", "is_blind": "on", "order": "parallel", "key": "k2", **ROWS_OF_FORMSET}
COMPARE |= {"c-0-model": "{model}", "c-1-model": "{model}", "c-1-temperature": "1.5", "c-1-max_tokens": "9"}
COMPARE |= {"c-1-system_prompt": "Be brief."}
SERVER = {"label": "Here", "base_url": "http://127.0.0.1:9/v1", "key_kind": "stored", "key": "k-1", "key_env": ""}
MODEL = {"label": "A Model", "enabled": "on", "position": "3", "system_prompt": "", "input_price": "0.5"}
MODEL |= {"output_price": "1.5", "has_vision": "true", "has_tools": "false", "has_reasoning": ""}
ALL_RULES = ("once", "every", "daily", "weekly", "monthly", "cron")

PAGES = [
    Row("GET", "/", {"before": "{session}", "text": "Hello"}),
    Row("POST", "/chats", form=COMPOSER, has_files=True),
    Row("GET", "/chats/{session}", {"before": "{message}"}),
    Row("GET", "/chats/{session}/messages", {"before": "{message}", "after": "{message}"}),
    Row("POST", "/chats/{session}/messages", form=COMPOSER, has_files=True),
    Row("POST", "/chats/{session}/title", form={"title": "Mine"}),
    Row("GET", "/chats/{session}/tuning"),
    Row("POST", "/chats/{session}/tuning", form={"system_prompt": "", "temperature": "1", "max_tokens": "5"}),
    Row("GET", "/chats/{session}/delete"),
    Row("POST", "/chats/{session}/delete"),
    Row("POST", "/chats/{session}/seen"),
    Row("POST", "/chats/{session}/summary"),
    Row("POST", "/chats/{session}/pin", form={"off": "1", "next": "archive"}),
    Row("POST", "/chats/{session}/archive", form={"off": "1", "next": "archive"}),
    Row("GET", "/chats/{session}/share"),
    Row("POST", "/chats/{session}/share", form={"off": "1"}),
    Row("GET", "/chats/{session}/export.md"),
    Row("GET", "/chats/{session}/export.json"),
    Row("GET", "/chats/{session}/export.zip"),
    Row("GET", "/chats/export.zip"),
    Row("POST", "/chats/{session}/queue/release"),
    Row("POST", "/chats/{session}/queue/discard"),
    Row("GET", "/messages/{message}"),
    Row("GET", "/messages/{message}/text"),
    Row("POST", "/messages/{message}/edit", form={"text": "Another", "model": "{model}", "after": "{message}"}),
    Row("POST", "/messages/{message}/branch", form={"after": "{message}"}),
    Row("POST", "/messages/{answer}/again", form={"model": "{model}", "after": "{message}"}),
    Row("GET", "/messages/{answer}/other-model"),
    Row("POST", "/messages/{answer}/continue", form={"after": "{message}"}),
    Row("POST", "/runs/{run}/stop", form={"text": "Half a thought"}),
    Row("POST", "/runs/{run}/edit", form={"text": "Another"}),
    Row("POST", "/runs/{run}/remove"),
    Row("POST", "/runs/{run}/send-now"),
    Row("GET", "/runs/{run}/events", {"after": "1"}),
    Row("GET", "/streams", {"follow": "{run}:1"}),
    Row("GET", "/list", {"rows": "50", "before": "{session}", "version": "v", "current": "{session}"}),
    Row("GET", "/archive"),
    Row("GET", "/search", {"q": "hello", "page": "1"}),
    Row("GET", "/shared/{share}"),
    Row("GET", "/shared/{share}/files/{shared_file}"),
    Row("GET", "/shared/{share}/files/{shared_file}/thumbnail"),
    Row("GET", "/files"),
    Row("POST", "/files", file=b"Wrens and finches"),
    Row("GET", "/files/{file}"),
    Row("GET", "/files/{file}/thumbnail"),
    Row("GET", "/files/{text_file}/text", {"pages": ""}),
    Row("GET", "/welcome"),
    Row("POST", "/welcome", form={"name": "Alice", "new_password1": "Xyzzy-1-2-3", "new_password2": "Xyzzy-1-2-3"}),
    Row("GET", "/chats/select"),
    Row("POST", "/chats/select", form={"session": "{session}", "action": "delete"}),
    Row("GET", "/settings"),
    Row("GET", "/settings/security"),
    Row("GET", "/settings/developers"),
    Row("GET", "/settings/people", who="charlie"),
    Row("POST", "/settings", form={"name": "Alice", "theme": "dark", "model": "{model}", "notifies": "on"}),
    Row("POST", "/settings/password", form={"new_password1": "Xyzzy-1-2-3", "new_password2": "Xyzzy-1-2-3"}),
    Row("POST", "/settings/tokens", form={"name": "backup", "scope": "write", "days": "30"}),
    Row("POST", "/settings/tokens/{token}/revoke"),
    Row("POST", "/settings/invitations", form={"username": "dora"}, who="charlie"),
    Row("GET", "/invitation", {"sesame": "AAAA"}, who=""),
    Row("POST", "/invitation", form={"token": "AAAA", "new_password1": "a", "new_password2": "b"}, who=""),
    Row("GET", "/login", {"next": "/chats"}, who=""),
    Row("POST", "/login", {"next": "/a"}, {"username": "alice", "password": "wrong", "next": "/chats"}, who=""),
    Row("GET", "/login/link", {"sesame": "AAAA", "next": "/chats"}, who=""),
    Row("POST", "/login/link", form={"token": "AAAA", "instead_of": "1"}, who=""),
    Row("POST", "/logout", form={"next": "/chats"}),
    Row("GET", "/compare", {"like": "{comparison}"}),
    Row("POST", "/compare", form=COMPARE),
    Row("GET", "/compare/history", {"page": "1"}),
    Row("GET", "/compare/scoreboard", {"votes": "all"}),
    Row("GET", "/compare/{comparison}"),
    Row("POST", "/compare/{comparison}/stop"),
    Row("POST", "/compare/{comparison}/resume"),
    Row("POST", "/compare/{comparison}/vote", form={"choice": "A"}),
    Row("GET", "/compare/{comparison}/delete"),
    Row("POST", "/compare/{comparison}/delete"),
    Row("GET", "/compare/{comparison}/export.md"),
    Row("POST", "/compare/panes/{pane}/stop"),
    Row("POST", "/compare/panes/{pane}/close"),
    Row("POST", "/compare/panes/{pane}/again"),
    Row("POST", "/compare/panes/{pane}/resume"),
    Row("POST", "/compare/panes/{pane}/continue"),
    Row("GET", "/schedules"),
    Row("GET", "/schedules/new", {"preset": "monday"}),
    *(Row("POST", "/schedules/new", form=SCHEDULE | {"kind": kind}) for kind in ALL_RULES),
    *(Row("GET", "/schedules/preview", RULE | {"kind": kind}) for kind in ALL_RULES),
    Row("GET", "/schedules/{schedule}", {"page": "1"}),
    Row("GET", "/schedules/{schedule}/edit"),
    Row("POST", "/schedules/{schedule}/edit", form={**SCHEDULE, "target": "{session}"}),
    Row("POST", "/schedules/{schedule}/run"),
    Row("POST", "/schedules/{schedule}/pause", form={"on": "list"}),
    Row("POST", "/schedules/{schedule}/resume", form={"on": "list"}),
    Row("POST", "/schedules/{schedule}/duplicate"),
    Row("GET", "/schedules/{schedule}/delete"),
    Row("POST", "/schedules/{schedule}/delete"),
    Row("GET", "/settings/webhooks"),
    Row("POST", "/settings/webhooks", form={"url": "https://192.0.2.1/x", "ends": "completed"}),
    Row("POST", "/settings/webhooks/{webhook}/off"),
    Row("POST", "/settings/webhooks/{webhook}/on"),
    Row("POST", "/settings/webhooks/{webhook}/secret"),
    Row("POST", "/settings/webhooks/{webhook}/delete"),
    Row("GET", "/models", who="charlie"),
    Row("GET", "/models/connect", who="charlie"),
    Row("POST", "/models/connect", who="charlie"),
    Row("GET", "/models/connect/server", {"preset": "openai", "address": "http://127.0.0.1:9/v1"}, who="charlie"),
    Row(
        "POST",
        "/models/connect/server",
        {"preset": "ollama", "address": "http://127.0.0.1:9/v1"},
        SERVER,
        who="charlie",
    ),
    Row("GET", "/models/providers/{provider}", who="charlie"),
    Row("POST", "/models/providers/{provider}", form=SERVER, who="charlie"),
    Row("GET", "/models/providers/{provider}/models", who="charlie"),
    Row(
        "POST", "/models/providers/{provider}/models", form={"models": "m", "others": "n", "select": ""}, who="charlie"
    ),
    Row("POST", "/models/providers/{provider}/list", who="charlie"),
    Row("GET", "/models/providers/{provider}/delete", who="charlie"),
    Row("POST", "/models/providers/{provider}/delete", who="charlie"),
    Row("GET", "/models/{model_row}", who="charlie"),
    Row("POST", "/models/{model_row}", form=MODEL, who="charlie"),
    Row("POST", "/models/{model_row}/default", who="charlie"),
    Row("POST", "/models/{model_row}/test", who="charlie"),
    Row("POST", "/models/favourite", form={"model": "{model}", "off": ""}),
    Row("GET", "/healthz", who=""),
    Row("GET", "/readyz", who="", statuses=(503,)),
    Row("GET", "/metrics", who="charlie"),
    Row("GET", "/no/such/page"),
]

# Names in queries that a serializer takes, for the rows of programs.
PAGE = {"limit": "10", "cursor": HOSTILE_ONLY}
QUERIES = {
    "/api/v1/sessions": PAGE | {"archived": "false", "pinned": "true", "answering": "true", "q": "hello"},
    "/api/v1/sessions/{session}/messages": PAGE,
    "/api/v1/sessions/{session}/branch": PAGE | {"leaf": "{message}"},
    "/api/v1/messages/{message}/siblings": PAGE,
    "/api/v1/files": PAGE,
    "/api/v1/runs": PAGE
    | {"session": "{session}", "status": "queued", "trigger": "api", "model": "{model}", "active": "true"},
    "/api/v1/runs/{run}/events": {"after": "1"},
    "/api/v1/compare": PAGE,
    "/api/v1/compare/scoreboard": {"all": "true"},
    "/api/v1/schedules": PAGE,
    "/api/v1/schedules/{schedule}/occurrences": PAGE,
    "/api/v1/schedules/preview": {
        "kind": "weekly", "at": "08:00", "weekdays": "1", "month_day": "1", "every": "5", "unit": "hours",
        "starts": "2999-01-01T08:00:00", "cron": "0 9 * * *", "zone": "UTC",
    },
    "/api/chat/{session}/stream": {"run": "{run}"},
    "/v1/responses/{response}": {"stream": "true", "starting_after": "1"},
    "/v1/responses/{response}/input_items": {"order": "asc", "limit": "5", "after": HOSTILE_ONLY},
    "/v1/conversations/{session}/items": {"order": "asc", "limit": "5", "after": HOSTILE_ONLY},
}  # fmt: skip

SENDING = {("POST", "/api/v1/sessions/{session}/messages"), ("POST", "/api/v1/messages")}

# Bodies with every member that is understood: what a row of programs has no need for.
TOOL = {"type": "function", "function": {"name": "look", "description": "x", "parameters": {"type": "object"}}}
FULL_BODIES = {
    ("POST", "/api/v1/sessions"): {
        "title": "T", "model": "{model}", "system_prompt": "Be brief.", "temperature": 0.5, "max_tokens": 5,
        "pinned": True, "archived": False,
    },
    ("PATCH", "/api/v1/sessions/{session}"): {
        "title": "T", "model": "{model}", "system_prompt": "Be brief.", "temperature": 0.5, "max_tokens": 5,
        "pinned": True, "archived": False,
    },
    ("POST", "/api/v1/sessions/{session}/messages"): {
        "text": "Hello", "model": "{model}", "when_busy": "enqueue", "instructions": "Be brief.",
        "parameters": {
            "temperature": 0.5, "top_p": 0.5, "presence_penalty": 0.1, "frequency_penalty": 0.1, "max_tokens": 5,
            "stop": ["a"], "seed": 1, "reasoning_effort": "low", "response_format": {"type": "json_object"},
            "tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": True,
        },
    },
    ("POST", "/api/v1/messages"): {"text": "Hello", "session": {"title": "T", "temperature": 0.5}},
    ("POST", "/api/v1/messages/{message}/edit"): {"text": "Another", "model": "{model}"},
    ("POST", "/api/v1/runs/{run}/again"): {"model": "{model}"},
    ("POST", "/api/v1/compare"): {
        "prompt": "Which tree?", "blind": True, "order": "parallel",
        "contenders": [
            {"model": "{model}", "temperature": 1, "max_tokens": 5, "system_prompt": "a"}, {"model": "{model}"},
        ],
    },
    ("POST", "/api/v1/schedules"): {
        "name": "M", "prompt": "New?", "kind": "weekly", "at": "08:00", "weekdays": [1, 2], "month_day": 1,
        "every": 5, "unit": "hours", "starts": "2999-01-01T08:00:00", "cron": "0 9 * * *", "zone": "UTC",
        "model": "{model}", "session": "{session}", "target": "same", "missed": "run", "overlap": "skip",
        "notify": "all", "paused": True,
    },
    ("PATCH", "/api/v1/schedules/{schedule}"): {
        "name": "M", "kind": "once", "starts": "2999-01-01T08:00:00", "zone": "UTC", "session": "{session}",
    },
    ("PATCH", "/api/v1/me"): {"name": "Alice", "theme": "dark", "model": "{model}", "notifies": True},
    ("POST", "/api/chat"): {
        "id": "morning", "trigger": "submit-message", "messageId": None, "model": "{model}", "when_busy": "enqueue",
        "messages": [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]}],
    },
    ("POST", "/api/chat/{session}/stop"): {"activeStreamId": "{run}", "assistantMessage": {"id": "{answer}"}},
    ("POST", "/v1/chat/completions"): {
        "model": "{model}", "stream": True, "stream_options": {"include_usage": True}, "temperature": 0.5,
        "top_p": 0.5, "max_tokens": 5, "max_completion_tokens": 5, "n": 1, "stop": ["a"], "seed": 1, "user": "u",
        "presence_penalty": 0.1, "frequency_penalty": 0.1, "logit_bias": {"1": 1}, "metadata": {"a": "b"},
        "tools": [TOOL], "tool_choice": "auto",
        "response_format": {"type": "json_schema", "json_schema": {"name": "a"}},
        "messages": [
            {"role": "system", "content": "a"},
            {"role": "user", "content": [{"type": "text", "text": "a"}], "name": "n"},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "a"},
        ],
    },
    ("POST", "/v1/completions"): {
        "model": "{model}", "prompt": "Once", "stream": True, "max_tokens": 5, "user": "u",
    },
    ("POST", "/v1/embeddings"): {
        "model": "{model}", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 2, "user": "u",
    },
    ("POST", "/v1/conversations"): {
        "metadata": {"title": "T"},
        "items": [
            {"type": "message", "role": "system", "content": "a"},
            {"type": "message", "role": "user", "content": "a"},
            {"type": "message", "role": "assistant", "content": "a"},
        ],
    },
    ("POST", "/v1/responses"): {
        "model": "{model}", "background": True, "stream": False, "store": True, "instructions": "a",
        "temperature": 0.5, "top_p": 0.5, "max_output_tokens": 50, "metadata": {"a": "b"}, "user": "u",
        "truncation": "disabled", "include": [], "service_tier": "auto",
        "text": {"format": {"type": "text"}}, "reasoning": {"effort": "low"},
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True}],
        "tool_choice": "auto", "parallel_tool_calls": True,
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "a"},
            {"type": "reasoning", "summary": [], "content": []},
        ],
    },
}  # fmt: skip


RELAYED = ("/v1/completions", "/v1/embeddings")  # to a model server that is not there


def of_programs(row: ProgramRow) -> Row:
    path, _, _ = row.path.partition("?")
    body = FULL_BODIES.get((row.method, path), row.body)
    who, statuses = "" if row.is_public else "program", (502,) if path in RELAYED else ()
    query = {"wait": "0"} if (row.method, path) in SENDING else QUERIES.get(path, {}) if row.method == "GET" else {}
    return Row(row.method, path, query, body=body, file=row.file, who=who, statuses=statuses)


MORE_OF_PROGRAMS = [
    Row("POST", "/v1/responses", body={"input": "a", "previous_response_id": "{response}"}, who="program"),
    Row("POST", "/v1/responses", body={"input": "a", "conversation": {"id": "{session}"}, "background": True},
        who="program"),
    Row("POST", "/v1/responses", body={"input": "a", "background": True, "text": {"format": {
        "type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}}}, who="program"),
    Row("POST", "/api/chat", body={"id": "{session}", "trigger": "regenerate-message", "messageId": "{answer}",
        "message": {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "a"}]}}, who="program"),
    Row("POST", "/api/v1/no/such/address", body={"a": 1}, who="program"),
    Row("POST", "/v1/no/such/address", body={"a": 1}, who="program"),
]  # fmt: skip
ROWS = [*PAGES, *map(of_programs, OF_PROGRAMS), *MORE_OF_PROGRAMS]
