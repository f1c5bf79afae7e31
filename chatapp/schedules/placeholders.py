"""Placeholders in a schedule's prompt: {{date}}, {{time}} and {{last_answer}}."""

import re

from django.conf import settings

from chatapp.schedules.models import Occurrence, Schedule, State

PLACEHOLDER = re.compile(r"\{\{\s*(date|time|last_answer)\s*\}\}")
NO_ANSWER_YET = "(no answer yet)"


def fill(schedule: Schedule, occurrence: Occurrence) -> str:
    """The prompt for this occurrence, with its due date and time in the schedule's zone.

    Inserted text is not expanded again, whatever a model wrote. A last answer that would make the prompt too long is
    truncated.
    """
    due = occurrence.due_at.astimezone(schedule.zone_info)
    values = {"date": f"{due:%Y-%m-%d}", "time": f"{due:%H:%M}", "last_answer": ""}
    if count := _count_last_answers(schedule.prompt):
        bare = _filled(schedule.prompt, values)
        room = max(0, settings.PROMPT_MAX_CHARACTERS - len(bare)) // count
        values["last_answer"] = _last_answer(occurrence)[:room]
    return _filled(schedule.prompt, values)


def _filled(prompt: str, values: dict[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values[match[1]], prompt)


def _count_last_answers(prompt: str) -> int:
    """How often the prompt contains the last answer."""
    return sum(match[1] == "last_answer" for match in PLACEHOLDER.finditer(prompt))


def _last_answer(occurrence: Occurrence) -> str:
    """The newest completed answer of the schedule."""
    before = Occurrence.objects.filter(schedule=occurrence.schedule_id, state=State.COMPLETED, run__isnull=False)
    answer = before.order_by("-claimed_at").values_list("run__message__content", flat=True).first()
    return answer or NO_ANSWER_YET
