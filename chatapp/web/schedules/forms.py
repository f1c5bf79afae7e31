"""The form that creates and edits a schedule: its values become a `ScheduleSpec`."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.http import QueryDict

from chatapp.chats.models import Session
from chatapp.schedules.descriptions import WEEKDAYS
from chatapp.schedules.models import Kind, Schedule, Target
from chatapp.schedules.spec import (
    MAX_STEP,
    REQUIRED,
    RULE_FIELDS,
    UNITS,
    RuleSpec,
    ScheduleSpec,
    known_zones,
    rule_spec_of,
)
from chatapp.web.shell.fields import PromptField
from runs.models import Model

OFFERED_SESSIONS = 50  # most recently active; a new message puts an older chat among them
LOCAL = "%Y-%m-%dT%H:%M"  # the format of browsers

PRESETS = {
    "morning": ("Every morning", {"kind": Kind.DAILY, "at": "08:00"}),
    "weekdays": ("On weekdays", {"kind": Kind.WEEKLY, "weekdays": list("01234"), "at": "09:00"}),
    "monday": ("On Mondays", {"kind": Kind.WEEKLY, "weekdays": ["0"], "at": "09:00"}),
    "month": ("First of the month", {"kind": Kind.MONTHLY, "month_day": 1, "at": "09:00"}),
    "hourly": ("Every hour", {"kind": Kind.EVERY, "every": 1, "unit": "60"}),
    "once": ("Once, tomorrow", {"kind": Kind.ONCE}),
    "cron": ("Cron expression", {"kind": Kind.CRON, "cron": "0 9 * * MON-FRI"}),
}


class LocalTimeField(forms.DateTimeField):
    """A naive time, in the zone that the form names; it may be one that the site's zone skips."""

    def to_python(self, value: object) -> datetime | None:
        if value in self.empty_values or isinstance(value, datetime):
            return value or None
        return super(forms.DateTimeField, self).to_python(value)


class RuleForm(forms.Form):
    """The rule, which is all that a preview needs. Fields that the kind of rule does not use are ignored."""

    use_required_attribute = False
    kind = forms.ChoiceField(choices=Kind.choices, initial=Kind.DAILY, label="Repeat")
    at = forms.TimeField(
        required=False, initial="09:00", label="At", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    weekdays = forms.MultipleChoiceField(
        choices=[(str(number), name) for number, name in enumerate(WEEKDAYS)],
        required=False,
        initial=list("01234"),
        label="Days",
        widget=forms.CheckboxSelectMultiple,
    )
    month_day = forms.IntegerField(
        min_value=1,
        max_value=31,
        required=False,
        initial=1,
        label="Day of the month",
        help_text="In shorter months, the last day.",
    )
    every = forms.IntegerField(min_value=1, max_value=MAX_STEP, required=False, initial=1, label="Every")
    unit = forms.ChoiceField(choices=UNITS, required=False, initial="60", label="Unit")
    starts = LocalTimeField(
        required=False,
        input_formats=[LOCAL, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        label="Starting",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL),
    )
    cron = forms.CharField(
        max_length=100,
        required=False,
        initial="0 9 * * MON-FRI",
        label="Cron expression",
        help_text="Minute, hour, day of the month, month, day of the week.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
    zone = forms.CharField(
        max_length=64,
        label="Time zone",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}),
    )

    @property
    def initial_data(self) -> dict[str, object]:
        """The initial values, as if they had been posted."""
        return {name: self.get_initial_for_field(field, name) for name, field in self.fields.items()}

    def clean(self) -> dict:
        """Drop errors of fields that the kind of rule does not use. The spec validates the rest."""
        values = super().clean()
        kind = values.get("kind")
        for name in RULE_FIELDS - set(REQUIRED.get(kind, ())):
            self.errors.pop(name, None)
        if kind:
            problems = self.rule_spec().problems(self.initial.get("starts"))
            for name in problems.keys() - self.errors.keys():
                self.add_error(name, problems[name])
        return values

    def rule_spec(self) -> RuleSpec:
        """The rule, from the values that are valid so far."""
        values = self.cleaned_data
        return RuleSpec(
            kind=values["kind"],
            zone=values.get("zone") or "",
            at=values.get("at"),
            weekdays=frozenset(map(int, values.get("weekdays") or ())),
            month_day=values.get("month_day"),
            every=values.get("every"),
            unit=int(values["unit"]) if values.get("unit") else None,
            starts=values.get("starts"),
            cron=values.get("cron") or "",
        )


class ScheduleForm(RuleForm):
    name = forms.CharField(max_length=60, label="Name")
    prompt = PromptField(
        label="Prompt",
        help_text="{{date}}, {{time}} and {{last_answer}} are filled in when it runs.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    model = forms.ModelChoiceField(
        Model.objects.none(), to_field_name="name", required=False, empty_label="Site default"
    )
    target = forms.ChoiceField(label="Answers go to")
    missed = forms.ChoiceField(choices=Schedule._meta.get_field("missed").choices, label="If the server was offline")
    overlap = forms.ChoiceField(
        choices=Schedule._meta.get_field("overlap").choices, label="If the previous run hasn’t finished"
    )
    notify = forms.ChoiceField(choices=Schedule._meta.get_field("notify").choices, label="Mark as new")

    def __init__(self, data: QueryDict | None = None, *, owner: AbstractBaseUser, **kwargs: object) -> None:
        super().__init__(data, **kwargs)
        self.fields["model"].queryset = Model.objects.for_chats_of(owner)
        sessions = _sessions_of(owner, self.initial.get("target"))
        names = [(str(session.pk), str(session)) for session in sessions]
        choices = list(Target.choices)
        self.fields["target"].choices = [*choices, ("Existing chats", names)] if names else choices

    def spec(self) -> ScheduleSpec:
        """The form must be valid."""
        values = self.cleaned_data
        is_session = values["target"] not in Target.values
        return ScheduleSpec(
            rule=self.rule_spec(),
            name=values["name"],
            prompt=values["prompt"],
            model=values["model"].name if values["model"] else "",
            target=Target.SAME if is_session else values["target"],
            session=Session.objects.get(pk=values["target"]) if is_session else None,
            missed=values["missed"],
            overlap=values["overlap"],
            notify=values["notify"],
        )


def _sessions_of(owner: AbstractBaseUser, selected: object) -> QuerySet[Session]:
    sessions = Session.objects.visible_to(owner)
    newest = sessions.order_by("-active_at").values("pk")[:OFFERED_SESSIONS]
    offered = Q(pk__in=list(newest.values_list("pk", flat=True)))
    if selected and selected not in Target.values:
        offered |= Q(pk=selected)
    return sessions.filter(offered).order_by("-active_at")


def offered_zones() -> list[str]:
    """UTC and the zones named after places; the form also accepts others."""
    return ["UTC", *sorted(zone for zone in known_zones() if "/" in zone and not zone.startswith("Etc/"))]


def initial_of(schedule: Schedule) -> dict[str, object]:
    """Initial values from a schedule. Fields that its rule does not use get those of a new schedule."""
    rule = rule_spec_of(schedule)
    initial = {name: getattr(schedule, name) for name in ("name", "prompt", "model", "missed", "overlap", "notify")}
    initial["target"] = str(schedule.session_id) if schedule.session_id else schedule.target
    initial |= {"kind": rule.kind, "zone": rule.zone, "month_day": rule.month_day}
    initial |= {"every": rule.every, "unit": str(rule.unit)}
    optional = {"at": rule.at, "starts": rule.starts, "weekdays": sorted(map(str, rule.weekdays)), "cron": rule.cron}
    return initial | {name: value for name, value in optional.items() if value}


def initial_of_preset(name: str) -> dict[str, object]:
    """Without a preset: every day at nine, in the site's zone, which the page's script replaces by the browser's."""
    zone = ZoneInfo(settings.TIME_ZONE)
    tomorrow = (datetime.now(zone) + timedelta(days=1)).replace(hour=9, minute=0, tzinfo=None)
    preset = PRESETS[name][1] if name in PRESETS else {}
    return {"zone": settings.TIME_ZONE, "starts": tomorrow if name == "once" else None} | preset


def initial_with_preset(posted: QueryDict) -> dict[str, object]:
    """The rule of a preset, with everything else as it was typed."""
    name = posted["preset"]
    typed: dict[str, object] = {field: posted[field] for field in ScheduleForm.base_fields if posted.get(field)}
    typed["weekdays"] = posted.getlist("weekdays")
    rule = PRESETS[name][1] if name in PRESETS else {}
    return initial_of_preset(name) | typed | rule
