"""What the product has learned about its models, kept in `Model.learned` for later requests and for staff.

`learned` is a layer of the model's profile with members of its own: `notes`, one for each lesson, `context_window` and
`bytes_per_token`.
"""

import logging
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from runs.models import Model, Run
from runs.upstream.context.windows import RATIOS, bytes_per_token
from runs.upstream.profiles.lessons import Lesson
from runs.upstream.request import UpstreamRequest

logger = logging.getLogger(__name__)

MAX_NOTES = 20  # the newest are kept
LEAST_MEASURED_BYTES = 4_000  # of text; in less, what servers add around messages weighs too much
RATIO_TOLERANCE = 0.15  # of a measured size of a token, which changes nothing


def has_findings(request: UpstreamRequest) -> bool:
    """Whether `keep_findings` has anything to do. Nearly always it has not, and a query would be for nothing."""
    return bool(request.lessons) or (
        request.prompt_tokens is not None
        and request.text_bytes >= LEAST_MEASURED_BYTES
        and _is_news(request.text_bytes / max(request.prompt_tokens, 1), request.ratio)
    )


def keep_findings(request: UpstreamRequest) -> None:
    """Keep what the answer to a request has shown: lessons, what was left out after all, and the size of a token."""
    if request.run_id is not None and request.context is not None and request.context.is_trimmed_again:
        Run.objects.filter(pk=request.run_id).update(left_out=request.context.left_out)
    if request.model_id is None:
        return
    if request.lessons:
        learn(request.model_id, request.lessons)
    elif request.prompt_tokens:
        _learn_ratio(request.model_id, request.text_bytes / request.prompt_tokens)


def _is_news(measured: float, known: float) -> bool:
    return RATIOS[0] <= measured <= RATIOS[1] and abs(measured - known) > known * RATIO_TOLERANCE


@transaction.atomic
def _learn_ratio(model_id: int, measured: float) -> None:
    """Believe the server's own count of tokens, half of it at a time: texts differ."""
    model = Model.objects.select_for_update(of=("self",)).filter(pk=model_id).first()
    if model is not None and _is_news(measured, known := bytes_per_token(model)):
        model.learned |= {"bytes_per_token": round((known + measured) / 2, 2)}
        model.save(update_fields=["learned"])


@transaction.atomic
def learn(model_id: int, lessons: Sequence[Lesson]) -> None:
    """Remember the lessons of a request that was answered in the end. Several workers may learn at once."""
    model = Model.objects.select_for_update(of=("self",)).filter(pk=model_id).first()
    kept = [lesson for lesson in lessons if lesson.is_kept]
    if model is None or not kept:
        return
    learned = model.learned
    for lesson in kept:
        omitted = {*learned.get("omit", []), *lesson.layer.get("omit", [])}
        learned |= lesson.layer | ({"omit": sorted(omitted)} if omitted else {})
        note = {"about": lesson.about, "message": lesson.message, "at": timezone.now().isoformat(timespec="seconds")}
        earlier = [each for each in learned.get("notes", []) if each["about"] != lesson.about]
        learned["notes"] = [*earlier, note][-MAX_NOTES:]
        logger.warning("model %s: from now on %s is sent as its server demands: %s", model, lesson.about, lesson.layer)
    model.save(update_fields=["learned"])


def forget(model: Model) -> None:
    """Ask the server anew: forget what its refusals taught."""
    Model.objects.filter(pk=model.pk).update(learned={})
