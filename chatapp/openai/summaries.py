"""The summary in a compaction item: opaque to programs, and whole, so that nothing has to be kept for it here.

`encrypted_content` is a Fernet token of the user's id and the text (`runs.key_storage`).
"""

import json
from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser

from chatapp.openai.errors import Refusal
from runs.key_storage import fernet_for

PURPOSE = b"chatapp compaction v1"
LEAD = "[Summary of the conversation so far]"
COMPACTION = ("compaction", "compaction_summary")  # types of items; OpenAI's clients know the second name, too
UNREADABLE = "{} was not written by this site, or its SECRET_KEY has changed."


def seal(summary: str, user_id: int) -> str:
    return fernet_for(PURPOSE).encrypt(json.dumps([user_id, summary]).encode()).decode()


def check_summaries(user: AbstractBaseUser, items: Iterable[dict], name: str = "input") -> None:
    """Raise Refusal for a compaction item that was written for another user (B55), or not here."""
    for place, item in enumerate(items):
        if item.get("type") in COMPACTION:
            param = f"{name}[{place}].encrypted_content"
            if unseal(item["encrypted_content"], param)[0] != user.pk:
                raise Refusal(UNREADABLE.format(param), param)


def summary_in(item: dict) -> str:
    """What models read of a compaction item."""
    return f"{LEAD}\n\n{unseal(item['encrypted_content'], 'encrypted_content')[1]}"


def unseal(content: str, param: str) -> tuple[int, str]:
    """The id of the user it was written for, and the summary. Raises Refusal, which names `param`."""
    from cryptography.fernet import InvalidToken

    try:
        user_id, summary = json.loads(fernet_for(PURPOSE).decrypt(content.encode()))
    except (InvalidToken, ValueError):
        raise Refusal(UNREADABLE.format(param), param) from None
    return user_id, summary
