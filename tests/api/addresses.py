"""Every address that programs ask, with every method it takes: one row each, and what a stranger is told there.

`tests/api/test_access.py` walks the URL map and asks each of them as everybody who may not; an address that is served
and has no row here fails there.
"""

from typing import NamedTuple

TEXT = {"text": "Something else"}
QUESTION = {"prompt": "Which tree?", "contenders": [{"model": "one"}, {"model": "two"}]}
SCHEDULE = {"name": "Morning", "prompt": "What is new?", "kind": "daily", "at": "08:00", "zone": "Europe/Berlin"}
CHAT = {"id": "morning", "messages": [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]}]}
COMPLETION = {"messages": [{"role": "user", "content": "Hello"}]}
RESPONSE = {"input": "Hello", "background": True}


class Row(NamedTuple):
    """`path` with `{names}` of the cast's things. `body` is what its owner could send."""

    method: str
    path: str
    body: object = None
    is_public: bool = False  # for everybody, with or without a token
    file: bytes = b""  # the content of the file that its owner could upload


ROWS = [
    Row("GET", "/api/v1/sessions"),
    Row("POST", "/api/v1/sessions", {}),
    Row("GET", "/api/v1/sessions/{session}"),
    Row("PATCH", "/api/v1/sessions/{session}", {"title": "Mine"}),
    Row("DELETE", "/api/v1/sessions/{session}"),
    Row("GET", "/api/v1/sessions/{session}/share"),
    Row("POST", "/api/v1/sessions/{session}/share"),
    Row("DELETE", "/api/v1/sessions/{session}/share"),
    Row("POST", "/api/v1/sessions/{session}/seen"),
    Row("GET", "/api/v1/sessions/{session}/export.md"),
    Row("GET", "/api/v1/sessions/{session}/export.json"),
    Row("GET", "/api/v1/sessions/{session}/messages"),
    Row("POST", "/api/v1/sessions/{session}/messages", TEXT),
    Row("GET", "/api/v1/sessions/{session}/branch"),
    Row("GET", "/api/v1/sessions/{session}/queue"),
    Row("DELETE", "/api/v1/sessions/{session}/queue"),
    Row("POST", "/api/v1/sessions/{session}/queue/release"),
    Row("POST", "/api/v1/messages", TEXT),
    Row("GET", "/api/v1/messages/{message}"),
    Row("POST", "/api/v1/sessions/{session}/summary"),
    Row("GET", "/api/v1/messages/{message}/siblings"),
    Row("POST", "/api/v1/messages/{message}/show"),
    Row("POST", "/api/v1/messages/{message}/edit", TEXT),
    Row("GET", "/api/v1/runs"),
    Row("GET", "/api/v1/runs/{run}"),
    Row("GET", "/api/v1/runs/{run}/events"),
    Row("GET", "/api/v1/events"),
    Row("POST", "/api/v1/runs/{run}/stop"),
    Row("POST", "/api/v1/runs/{run}/again", {}),
    Row("POST", "/api/v1/runs/{run}/continue"),
    Row("PATCH", "/api/v1/runs/{run}/waiting", TEXT),
    Row("DELETE", "/api/v1/runs/{run}/waiting"),
    Row("POST", "/api/v1/runs/{run}/send-now"),
    Row("GET", "/api/v1/compare"),
    Row("POST", "/api/v1/compare", QUESTION),
    Row("GET", "/api/v1/compare/scoreboard"),
    Row("GET", "/api/v1/compare/{comparison}"),
    Row("DELETE", "/api/v1/compare/{comparison}"),
    Row("POST", "/api/v1/compare/{comparison}/stop"),
    Row("POST", "/api/v1/compare/{comparison}/resume"),
    Row("GET", "/api/v1/compare/{comparison}/export.md"),
    Row("POST", "/api/v1/compare/{comparison}/vote", {"choice": "A"}),
    Row("POST", "/api/v1/panes/{pane}/stop"),
    Row("POST", "/api/v1/panes/{pane}/close"),
    Row("POST", "/api/v1/panes/{pane}/again"),
    Row("POST", "/api/v1/panes/{pane}/resume"),
    Row("POST", "/api/v1/panes/{pane}/continue"),
    Row("GET", "/api/v1/schedules"),
    Row("POST", "/api/v1/schedules", SCHEDULE),
    Row("GET", "/api/v1/schedules/preview?kind=daily&at=08:00&zone=UTC"),
    Row("GET", "/api/v1/schedules/{schedule}"),
    Row("PATCH", "/api/v1/schedules/{schedule}", {"name": "Evening"}),
    Row("DELETE", "/api/v1/schedules/{schedule}"),
    Row("POST", "/api/v1/schedules/{schedule}/run"),
    Row("POST", "/api/v1/schedules/{schedule}/pause"),
    Row("POST", "/api/v1/schedules/{schedule}/resume"),
    Row("POST", "/api/v1/schedules/{schedule}/duplicate"),
    Row("GET", "/api/v1/schedules/{schedule}/occurrences"),
    Row("GET", "/api/v1/files"),
    Row("POST", "/api/v1/files", file=b"Wrens and robins"),
    Row("GET", "/api/v1/files/{file}"),
    Row("GET", "/api/v1/files/{file}/content"),
    Row("GET", "/api/v1/files/{text_file}/text"),
    Row("GET", "/api/v1/models"),
    Row("GET", "/api/v1/me"),
    Row("PATCH", "/api/v1/me", {"name": "Alice"}),
    Row("POST", "/api/chat", CHAT),
    Row("GET", "/api/chat/{session}"),
    Row("GET", "/api/chat/{session}/stream"),
    Row("POST", "/api/chat/{session}/stop", {}),
    Row("GET", "/v1/models"),
    Row("GET", "/v1/models/{model}"),
    Row("GET", "/v1/files"),
    Row("POST", "/v1/files", file=b"Wrens and tits"),
    Row("GET", "/v1/files/{openai_file}"),
    Row("GET", "/v1/files/{openai_file}/content"),
    Row("POST", "/v1/chat/completions", COMPLETION),
    Row("POST", "/v1/completions", {"model": "{model}", "prompt": "Once"}),
    Row("POST", "/v1/embeddings", {"model": "{model}", "input": "Hi"}),
    Row("POST", "/v1/responses", RESPONSE),
    Row("POST", "/v1/responses/input_tokens", RESPONSE),
    Row("POST", "/v1/responses/compact", {"input": "Hello"}),
    Row("GET", "/v1/responses/{response}"),
    Row("DELETE", "/v1/responses/{response}"),
    Row("POST", "/v1/responses/{response}/cancel"),
    Row("GET", "/v1/responses/{response}/input_items"),
    Row("POST", "/v1/conversations", {}),
    Row("GET", "/v1/conversations/{session}"),
    Row("POST", "/v1/conversations/{session}", {"metadata": {"a": "b"}}),
    Row("DELETE", "/v1/conversations/{session}"),
    Row("GET", "/v1/conversations/{session}/items"),
    Row("POST", "/v1/conversations/{session}/items", {"items": [{"role": "user", "content": "a"}]}),
    Row("GET", "/v1/conversations/{session}/items/{item}"),
    # Last: what is rolled back in the database is gone from the storage.
    Row("DELETE", "/api/v1/files/{file}"),
    Row("DELETE", "/v1/files/{openai_file}"),
    Row("GET", "/api/v1/openapi.json", is_public=True),
    Row("GET", "/api/v1/docs", is_public=True),
]
