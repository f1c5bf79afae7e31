"""Stop and Retry from the list of runs: confirmed, done one by one, each with an entry in the admin's log."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.template.response import TemplateResponse

from runs.actions import answer_again
from runs.errors import RunError
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.states import ACTIVE, Status, Trigger

MOST_RUNS = 500  # in one go: each is a move of its own, and a person waits for the page
SHOWN_RUNS = 50  # of them on the page that asks for a confirmation

TOLD = {
    "stopped": "stopped",
    "stopping": "being stopped",
    "already_final": "had ended before",
    "started": "asked again",
    "busy": "left alone: another answer of the session is on its way",
    "comparison": "left alone: they belong to a comparison, which has its own reroll",
    "continued": "left alone: the answer has been continued since",
}


class Act(NamedTuple):
    name: str
    label: str
    states: Sequence[Status]
    do: Callable[[Run, object], str]
    warning: str

    def __call__(self, admin, request, chosen):
        """The confirmation, and what becomes of it."""
        if request.POST.get("confirmed") != "yes":
            return self._ask(admin, request, chosen)
        outcomes = Counter()
        for run in chosen.order_by("queued_at")[:MOST_RUNS]:
            outcome = self.do(run, request.user) if run.status in self.states else "already_final"
            outcomes[outcome] += 1
            if run.status in self.states:
                admin.log_change(request, run, f"{self.name}: {TOLD.get(outcome, outcome)}")
        told = [f"{count} {TOLD.get(outcome, outcome)}" for outcome, count in outcomes.items()]
        admin.message_user(request, f"Runs: {', '.join(told)}.", messages.SUCCESS)
        return None

    def _ask(self, admin, request, chosen):
        runs = list(chosen.order_by("queued_at")[:MOST_RUNS])
        fitting = [run for run in runs if run.status in self.states]
        context = admin.admin_site.each_context(request) | {
            "title": f"{self.name} {len(fitting)} run{'' if len(fitting) == 1 else 's'}?",
            "act": self,
            "action": request.POST["action"],
            "states": ", ".join(status.label.lower() for status in self.states),
            "fitting": fitting[:SHOWN_RUNS],
            "count": len(fitting),
            "more": len(fitting) - SHOWN_RUNS,
            "left_alone": len(runs) - len(fitting),
            "checkbox": ACTION_CHECKBOX_NAME,
            "chosen": [run.pk for run in runs],
            "opts": admin.opts,
            "most": MOST_RUNS if len(runs) == MOST_RUNS else 0,
        }
        return TemplateResponse(request, "admin/runs/run/confirm.html", context)


def _retry(run: Run, by) -> str:
    """Another answer to the same question, beside the failed one. A running answer is never stopped for it."""
    if run.trigger == Trigger.COMPARE:
        return "comparison"
    if Run.objects.filter(message=run.message_id, queued_at__gt=run.queued_at).exists():
        return "continued"
    if run.session.runs.under_way().exists():
        return "busy"
    try:
        answer_again(run.message, user=by, model=run.model.name if run.model else "", trigger=Trigger(run.trigger))
    except RunError as error:
        return f"refused ({error.code})"
    return "started"


STOP = Act(
    "Stop",
    "Stop (queued, running)",
    ACTIVE,
    lambda run, by: request_stop(run, by=by),
    "What has been written so far is kept. The runs will say that you asked for it.",
)
RETRY = Act(
    "Retry",
    "Retry (failed, stopped, lost)",
    (Status.FAILED, Status.STOPPED, Status.LOST),
    _retry,
    "Each question is asked again, of the same model; the earlier answer stays beside the new one.",
)
