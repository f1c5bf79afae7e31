"""The form that makes and edits a schedule."""

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.schedules.models import Kind, Schedule, Target
from chatapp.schedules.rules import moment_of, read_cron
from chatapp.schedules.words import WEEKDAYS
from runs.models import Model

UNITS = [("1", "minutes"), ("60", "hours"), ("1440", "days")]
MAX_STEP = 10_000  # of any unit
OFFERED_SESSIONS = 50  # the newest; older ones can be found again by writing in them
YEARS = range(2000, 3000)
LOCAL = "%Y-%m-%dT%H:%M"  # of browsers
NEEDS = {
    Kind.ONCE: ["starts"],
    Kind.EVERY: ["every", "unit", "starts"],
    Kind.DAILY: ["at"],
    Kind.WEEKLY: ["weekdays", "at"],
    Kind.MONTHLY: ["month_day", "at"],
    Kind.CRON: ["cron"],
}
OPTIONAL = {name for names in NEEDS.values() for name in names}

PRESETS = {
    "morning": ("Every morning", {"kind": Kind.DAILY, "at": "08:00"}),
    "weekdays": ("On weekdays", {"kind": Kind.WEEKLY, "weekdays": list("01234"), "at": "09:00"}),
    "monday": ("On Mondays", {"kind": Kind.WEEKLY, "weekdays": ["0"], "at": "09:00"}),
    "month": ("First of the month", {"kind": Kind.MONTHLY, "month_day": 1, "at": "09:00"}),
    "hourly": ("Every hour", {"kind": Kind.EVERY, "every": 1, "unit": "60"}),
    "once": ("Once, tomorrow", {"kind": Kind.ONCE}),
    "cron": ("A rule of cron", {"kind": Kind.CRON, "cron": "0 9 * * MON-FRI"}),
}


class LocalTimeField(forms.DateTimeField):
    """A naive time: in the zone that the form names, where it may be one that the site's zone jumps over."""

    def to_python(self, value: object) -> datetime | None:
        if value in self.empty_values or isinstance(value, datetime):
            return value or None
        return super(forms.DateTimeField, self).to_python(value)


class RuleForm(forms.Form):
    """When: what a preview needs. Fields that the kind of rule does not need are not looked at."""

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
    month_day = forms.IntegerField(min_value=1, max_value=31, required=False, initial=1, label="Day of the month")
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
        label="Rule of cron",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
    zone = forms.CharField(
        max_length=64,
        label="Time zone",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}),
    )

    @property
    def shown(self) -> dict[str, object]:
        """What an empty form shows, as if it had been posted."""
        return {name: self.get_initial_for_field(field, name) for name, field in self.fields.items()}

    def clean_zone(self) -> str:
        zone = self.cleaned_data["zone"].strip().replace(" ", "_")
        if zone not in known_zones():
            raise ValidationError("Choose one of the time zones in the list, such as Europe/Berlin.")
        return zone

    def clean_cron(self) -> str:
        if self.data.get(self.add_prefix("kind")) != Kind.CRON:
            return ""
        try:
            return read_cron(self.cleaned_data["cron"])
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def clean_starts(self) -> datetime | None:
        starts = self.cleaned_data["starts"]
        if starts and starts.year not in YEARS:
            raise ValidationError("Choose a year that is nearer.")
        return starts

    def clean(self) -> dict:
        values = super().clean()
        kind = values.get("kind")
        needed = NEEDS.get(kind, [])
        for name in OPTIONAL - set(needed):
            self.errors.pop(name, None)
        for name in needed:
            is_free = (kind, name) == (Kind.EVERY, "starts")
            if not is_free and name not in self.errors and values.get(name) in (None, "", []):
                self.add_error(name, "This is needed.")
        is_changed = values.get("starts") != self.initial.get("starts")  # what is over may still be renamed
        if kind == Kind.ONCE and not self.errors and is_changed and self._starts_at() <= timezone.now():
            self.add_error("starts", "This is over already.")
        return values

    def _starts_at(self) -> datetime | None:
        """Without one, an interval is counted from this minute."""
        if starts := self.cleaned_data.get("starts"):
            return moment_of(starts, ZoneInfo(self.cleaned_data["zone"]))
        return timezone.now().replace(second=0, microsecond=0)

    def put_into(self, schedule: Schedule) -> Schedule:
        """The form is valid."""
        values = self.cleaned_data
        schedule.kind, schedule.zone = values["kind"], values["zone"]
        needed = NEEDS[schedule.kind]
        schedule.at = values["at"] if "at" in needed else None
        schedule.starts_at = self._starts_at() if "starts" in needed else None
        schedule.minutes = values["every"] * int(values["unit"]) if "every" in needed else 60
        schedule.weekdays = "".join(sorted(values["weekdays"])) if "weekdays" in needed else ""
        schedule.month_day = values["month_day"] if "month_day" in needed else 1
        schedule.cron = values["cron"] if "cron" in needed else ""
        return schedule


class ScheduleForm(RuleForm):
    name = forms.CharField(max_length=60, label="Name")
    prompt = forms.CharField(strip=False, label="Message", widget=forms.Textarea(attrs={"rows": 5}))
    model = forms.ModelChoiceField(
        Model.objects.filter(enabled=True), to_field_name="name", required=False, empty_label="The site's default"
    )
    target = forms.ChoiceField(label="Answers go to")
    missed = forms.ChoiceField(
        choices=Schedule._meta.get_field("missed").choices, label="Missed while this site was down"
    )
    overlap = forms.ChoiceField(
        choices=Schedule._meta.get_field("overlap").choices, label="Due while the last answer is still written"
    )
    notify = forms.ChoiceField(choices=Schedule._meta.get_field("notify").choices, label="Mark as new")

    def __init__(self, data=None, *, owner: AbstractBaseUser, **kwargs) -> None:
        super().__init__(data, **kwargs)
        sessions = _sessions_of(owner, self.initial.get("target"))
        names = [(str(session.pk), str(session)) for session in sessions]
        choices = list(Target.choices)
        self.fields["target"].choices = [*choices, ("A chat that is there", names)] if names else choices

    def clean_prompt(self) -> str:
        """As it was typed: forms send CRLF."""
        return self.cleaned_data["prompt"].replace("\r\n", "\n")

    def put_into(self, schedule: Schedule) -> Schedule:
        values = self.cleaned_data
        for name in ("name", "prompt", "missed", "overlap", "notify"):
            setattr(schedule, name, values[name])
        schedule.model = values["model"].name if values["model"] else ""
        is_chosen = values["target"] not in Target.values
        schedule.target = Target.SAME if is_chosen else values["target"]
        schedule.session_id = values["target"] if is_chosen else None
        return super().put_into(schedule)


def _sessions_of(owner: AbstractBaseUser, chosen: object):
    sessions = Session.objects.visible_to(owner)
    newest = sessions.order_by("-active_at").values("pk")[:OFFERED_SESSIONS]
    wanted = Q(pk__in=list(newest.values_list("pk", flat=True)))
    if chosen and chosen not in Target.values:
        wanted |= Q(pk=chosen)
    return sessions.filter(wanted).order_by("-active_at")


@cache
def known_zones() -> frozenset[str]:
    """Looked for on the disk, so once."""
    return frozenset(available_timezones())


def offered_zones() -> list[str]:
    """Those that are named after a place, and UTC; others are understood, too."""
    return ["UTC", *sorted(zone for zone in known_zones() if "/" in zone and not zone.startswith("Etc/"))]


def initial_of(schedule: Schedule) -> dict[str, object]:
    """What the form shows of a schedule."""
    initial = {name: getattr(schedule, name) for name in ("name", "prompt", "model", "missed", "overlap", "notify")}
    initial |= {"kind": schedule.kind, "zone": schedule.zone, "month_day": schedule.month_day}
    initial["target"] = str(schedule.session_id) if schedule.session_id else schedule.target
    if schedule.at:
        initial["at"] = schedule.at
    if schedule.starts_at:
        initial["starts"] = schedule.starts_at.astimezone(schedule.zone_info).replace(tzinfo=None)
    if schedule.weekdays:
        initial["weekdays"] = list(schedule.weekdays)
    if schedule.cron:
        initial["cron"] = schedule.cron
    unit = max(int(size) for size, _ in UNITS if schedule.minutes % int(size) == 0)
    return initial | {"every": schedule.minutes // unit, "unit": str(unit)}


def initial_of_preset(name: str) -> dict[str, object]:
    """Without a preset: every day at nine, in the site's zone. The page's script puts in the browser's."""
    zone = ZoneInfo(settings.TIME_ZONE)
    tomorrow = (datetime.now(zone) + timedelta(days=1)).replace(hour=9, minute=0, tzinfo=None)
    chosen = PRESETS[name][1] if name in PRESETS else {}
    return {"zone": settings.TIME_ZONE, "starts": tomorrow if name == "once" else None} | chosen
