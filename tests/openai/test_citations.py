"""Web pages that an answer names are annotations of its text for OpenAI's clients: whole, streamed and stored alike."""

import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from chatapp.openai.citations import citations_in
from runs.models import Run
from streams.events import Kind
from streams.log import store
from tests.harness.check import check
from tests.harness.upstream import prompt
from tests.openai.test_chat import strictly, user
from tests.openai.test_responses import compact

pytestmark = pytest.mark.one_database

SOURCES = ["https://example.org/wren", "https://example.net/", "javascript:alert(1)"]
TEXT = ["A wren ", "is small [2", "] and loud [1].", " Very."]
CITED = [("https://example.org/wren", 29, 32), ("https://example.net/", 16, 19)]


def script():
    return prompt(text=TEXT, tokens=len(TEXT), sources=SOURCES)


def cited(annotations) -> list[tuple[str, int, int]]:
    return [(one["url"], one["start_index"], one["end_index"]) for one in annotations]


def test_a_page_is_cited_where_the_text_refers_to_it_or_at_its_end():
    sources = [{"url": f"https://example.org/{n}", "title": ""} for n in range(1, 4)]
    places = [(one.start, one.end) for one in citations_in("First [3], then [1], and [1].", sources)]
    assert places == [(16, 19), (29, 29), (6, 9)]


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_completion_has_its_sources(stack, sdk, is_stream):
    client = sdk(stack.person("alice"))
    answer = client.chat.completions.create(model="scripted", messages=user(script()), stream=is_stream)
    if is_stream:
        deltas = [chunk.choices[0].delta.model_dump() for chunk in answer if chunk.choices]
        annotations = [one for delta in deltas for one in delta.get("annotations") or ()]
    else:
        strictly(ChatCompletion, answer)
        annotations = answer.choices[0].message.model_dump()["annotations"]
    assert {one["type"] for one in annotations} == {"url_citation"}
    assert cited(one["url_citation"] for one in annotations) == CITED


def test_a_response_has_its_sources_in_its_events_and_as_a_whole(stack, sdk, settings):
    client = sdk(stack.person("alice"))
    with client.responses.create(model="scripted", input=script(), stream=True, background=True) as stream:
        events = [event.model_dump(mode="json") for event in stream]
    added = [event for event in events if event["type"] == "response.output_text.annotation.added"]
    assert cited(event["annotation"] for event in added) == CITED
    assert [event["annotation_index"] for event in added] == [0, 1]
    kinds = [event["type"] for event in events]
    assert kinds.index(added[-1]["type"]) < kinds.index("response.output_text.done")
    whole = client.responses.retrieve(events[-1]["response"]["id"])
    strictly(Response, whole)
    [part] = whole.output[0].content
    assert cited(part.model_dump()["annotations"]) == CITED
    # It should be the same events again after the log was compacted.
    run = check(Run.objects.get(pk=whole.id.removeprefix("resp_")))
    compact(settings)
    assert any(event.kind == Kind.SNAPSHOT for event in store.read_all(run.pk))
    again = client.responses.retrieve(whole.id, stream=True)
    assert [event.model_dump(mode="json") for event in again] == events
