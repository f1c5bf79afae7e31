"""The package `openai` for Python, in whatever version: completions, a refusal with its class, responses."""

import json
import os

import openai

client = openai.OpenAI(base_url=os.environ["OPENAI_BASE_URL"])  # the first versions do not read the variable
messages = [{"role": "user", "content": "Hi"}]


def complete() -> bool:
    model = client.models.list().data[0].id
    whole = client.chat.completions.create(model=model, messages=messages)
    chunks = client.chat.completions.create(model=model, messages=messages, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    return whole.choices[0].message.content == text != ""


def fail() -> bool:
    failing = [{"role": "user", "content": os.environ["FAILING_PROMPT"]}]
    try:
        client.chat.completions.create(model="gpt-5", messages=failing, stream=True)
    except openai.RateLimitError:
        return True
    return False


def respond() -> bool:
    first = client.responses.create(model="gpt-5", input="Hi", text={"verbosity": "low"})
    second = client.responses.create(model="gpt-5", input="And now?", previous_response_id=first.id)
    return first.output_text == second.output_text != ""


def converse() -> bool:
    conversation = client.conversations.create(metadata={"title": "Birds"})
    for text in ("Hi", "And now?"):
        client.responses.create(model="gpt-5", input=text, conversation=conversation.id)
    texts = [item.content[0].text for item in client.conversations.items.list(conversation.id, order="asc")]
    return texts[::2] == ["Hi", "And now?"] and client.conversations.delete(conversation.id).deleted


ways = {"chat completions": complete, "a stream that fails before its first token": fail}
if hasattr(client, "responses"):
    ways["responses"] = respond
if hasattr(client, "conversations"):
    ways["a conversation"] = converse
for name, way in ways.items():
    detail = ""
    try:
        is_right = way()
    except Exception as error:
        is_right, detail = False, repr(error)
    client_name = f"openai (Python) {openai.__version__}"
    print(json.dumps({"client": client_name, "way": name, "ok": is_right, "detail": detail}))
