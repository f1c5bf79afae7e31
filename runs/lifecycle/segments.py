"""Which piece of a message each of its runs has written: a continued answer has several, one behind the other.

When a run ends, its row records how much it has written, so that its piece is known without its log.
"""

from runs.models import Run
from streams.events import Folded
from streams.log import store


def said_before(run: Run) -> Folded:
    """What the earlier runs of a continued answer have written; nothing for any other run."""
    before = Folded()
    if run.is_continuation:
        for earlier in Run.objects.filter(message_id=run.message_id, id__lt=run.id).order_by("id"):
            folded = store.fold_stream(earlier.id)
            before.text, before.reasoning = before.text + folded.text, before.reasoning + folded.reasoning
            before.tools += folded.tools
    return before


def piece_of(run: Run) -> Folded | None:
    """What a final run has written, cut out of its message. None: of this run or an earlier one it is not recorded."""
    runs = Run.objects.filter(message_id=run.message_id, id__lte=run.id).order_by("id")
    *earlier, own = runs.values_list("text_characters", "reasoning_characters", "tool_calls")
    if any(None in counts for counts in (*earlier, own)):
        return None
    begins = [sum(counts) for counts in zip(*earlier, strict=True)] or [0, 0, 0]
    wholes = (run.message.content, run.message.reasoning, run.message.tools)
    text, reasoning, tools = (w[begin : begin + n] for w, begin, n in zip(wholes, begins, own, strict=True))
    return Folded(last_seq=run.last_seq, text=text, reasoning=reasoning, tools=tools)
