"""Stop and Retry in the list of runs: confirmed, then applied one by one, each with an entry in the admin's log."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.template.response import TemplateResponse
from django.utils.text import get_text_list

from runs.actions import answer_again
from runs.errors import RunError
from runs.lifecycle.stop import request_stop
from runs.models import Run
from runs.states import ACTIVE, Status, Trigger

MAX_RUNS = 500  # per request: each is a separate transition while staff wait for the page
SHOWN_RUNS = 50  # on the confirmation page

OUTCOMES = {
    "stopped": "stopped",
    "stopping": "being stopped",
    "already_final": "had ended before",
    "started": "retried",
    "busy": "skipped: another answer of the session is in progress",
    "comparison": "skipped: they belong to a comparison, which has its own reroll",
    "continued": "skipped: the answer has been continued since",
}


class AdminAction(NamedTuple):
    name: str
    label: str
    states: Sequence[Status]
    apply: Callable[[Run, object], str]  # returns a key of OUTCOMES
    warning: str

    def __call__(self, admin, request, chosen):
        """Show the confirmation page, or apply the action once it is confirmed."""
        if request.POST.get("confirmed") != "yes":
            return self._confirmation(admin, request, chosen)
        outcomes = Counter()
        for run in chosen.order_by("queued_at")[:MAX_RUNS]:
            outcome = self.apply(run, request.user) if run.status in self.states else "already_final"
            outcomes[outcome] += 1
            if run.status in self.states:
                admin.log_change(request, run, f"{self.name}: {OUTCOMES.get(outcome, outcome)}")
        summary = [f"{count} {OUTCOMES.get(outcome, outcome)}" for outcome, count in outcomes.items()]
        admin.message_user(request, f"Runs: {', '.join(summary)}.", messages.SUCCESS)
        return None

    def _confirmation(self, admin, request, chosen):
        runs = list(chosen.order_by("queued_at")[:MAX_RUNS])
        fitting = [run for run in runs if run.status in self.states]
        context = admin.admin_site.each_context(request) | {
            "title": f"{self.name} {len(fitting)} run{'' if len(fitting) == 1 else 's'}?",
            "admin_action": self,
            "action": request.POST["action"],
            "states": get_text_list([status.label.lower() for status in self.states], "or"),
            "fitting": fitting[:SHOWN_RUNS],
            "count": len(fitting),
            "more": len(fitting) - SHOWN_RUNS,
            "left_alone": len(runs) - len(fitting),
            "checkbox": ACTION_CHECKBOX_NAME,
            "chosen": [run.pk for run in runs],
            "opts": admin.opts,
            "most": MAX_RUNS if len(runs) == MAX_RUNS else 0,
        }
        return TemplateResponse(request, "admin/runs/run/confirm.html", context)


def _retry(run: Run, by) -> str:
    """Request another answer to the same question, beside the failed one. Never stops a running answer."""
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


STOP = AdminAction(
    "Stop",
    "Stop (queued, running)",
    ACTIVE,
    lambda run, by: request_stop(run, by=by),
    "What has been written so far is kept. The runs will show that you stopped them.",
)
RETRY = AdminAction(
    "Retry",
    "Retry (failed, stopped, lost)",
    (Status.FAILED, Status.STOPPED, Status.LOST),
    _retry,
    "Each question is sent to the same model again; the earlier answer stays beside the new one.",
)
