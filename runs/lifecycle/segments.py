"""Segments: the part of a message that each run wrote. An answer that was continued has several, one after the other.

When a run ends, its row records how much it has written, so that its segment is known without its log.
"""

from runs.models import Run
from streams.events import Folded
from streams.log import store


def earlier_segments(run: Run) -> Folded:
    """The text that earlier runs wrote of a continued answer, from their logs; empty for any other run."""
    before = Folded()
    if run.is_continuation:
        for earlier in Run.objects.filter(message_id=run.message_id, id__lt=run.id).order_by("id"):
            folded = store.fold_stream(earlier.id)
            before.text, before.reasoning = before.text + folded.text, before.reasoning + folded.reasoning
            before.tools += folded.tools
            before.sources += folded.sources
    return before


def segment_of(run: Run) -> Folded | None:
    """The segment of a final run, cut out of its message. None if its length, or an earlier run's, is unknown."""
    runs = Run.objects.filter(message_id=run.message_id, id__lte=run.id).order_by("id")
    *earlier, own = runs.values_list("text_characters", "reasoning_characters", "tool_calls")
    if any(None in counts for counts in (*earlier, own)):
        return None
    starts = [sum(counts) for counts in zip(*earlier, strict=True)] or [0, 0, 0]
    wholes = (run.message.content, run.message.reasoning, run.message.tools)
    text, reasoning, tools = (whole[start : start + n] for whole, start, n in zip(wholes, starts, own, strict=True))
    return Folded(last_seq=run.last_seq, text=text, reasoning=reasoning, tools=tools)
