"""What the product has learned about its models, kept in `Model.learned` for later requests and for staff.

`learned` is a layer of the model's profile with members of its own: `notes`, one for each lesson.
"""

import logging
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from runs.models import Model
from runs.upstream.adapt import Lesson
from runs.upstream.profiles import combine, layer_of

logger = logging.getLogger(__name__)

MAX_NOTES = 20  # the newest are kept


@transaction.atomic
def learn(model_id: int, lessons: Sequence[Lesson]) -> None:
    """Remember the lessons of a request that was answered in the end. Several workers may learn at once."""
    model = Model.objects.select_for_update(of=("self",)).filter(pk=model_id).first()
    kept = [lesson for lesson in lessons if lesson.is_kept]
    if model is None or not kept:
        return
    learned = model.learned
    for lesson in kept:
        merged = layer_of(combine([learned, lesson.layer]))
        learned |= {name: sorted(merged[name]) if name == "omit" else merged[name] for name in lesson.layer}
        note = {"about": lesson.about, "message": lesson.message, "at": timezone.now().isoformat(timespec="seconds")}
        earlier = [each for each in learned.get("notes", []) if each["about"] != lesson.about]
        learned["notes"] = [*earlier, note][-MAX_NOTES:]
        logger.warning("model %s: from now on %s is sent as its server demands: %s", model, lesson.about, lesson.layer)
    model.save(update_fields=["learned"])


def forget(model: Model) -> None:
    """Ask the server anew: forget what its refusals taught."""
    Model.objects.filter(pk=model.pk).update(learned={})
