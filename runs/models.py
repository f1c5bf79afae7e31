"""Providers, their models, workers and runs."""

import os
from decimal import Decimal

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Now
from django.utils import timezone
from uuid_utils.compat import uuid7

from chatapp.chats.models import Message, Session
from runs import clock, key_storage, provider_keys
from runs.errors import ProviderKeyForbidden
from runs.states import ACTIVE, FINAL, LogKept, LostReason, Notify, Status, StopReason, Trigger

RESERVED_PARAMETERS = frozenset({"model", "messages", "stream"})  # set for each request, by nothing but this site
OWN_PARAMETERS = RESERVED_PARAMETERS | {"stream_options"}  # likewise, but a profile may leave the last one out
SHORTEST_MEASURED = 0.05  # s; what took less came in one piece


class Provider(models.Model):
    """A model server that speaks the OpenAI-compatible protocol."""

    name = models.SlugField(max_length=50, unique=True)
    label = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="Name shown to users. Empty: the name."
    )
    # Not a URLField: that one refuses hosts without a dot, such as Docker's "ollama".
    base_url = models.CharField(max_length=500, help_text="The address up to and including /v1")
    key_env = models.CharField(
        max_length=100,
        blank=True,
        verbose_name="key variable",
        help_text="Name of the environment variable that holds the key, if the key is not stored here.",
    )
    # Here and below `db_default`: the previous version inserts rows without these.
    profile = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        blank=True,
        help_text="What this server accepts, where that differs from the shipped profile",
    )
    stored_key = models.TextField(blank=True, default="", db_default="", editable=False)  # see runs/key_storage.py
    position = models.PositiveSmallIntegerField(
        default=0, db_default=0, verbose_name="order", help_text="Providers with a lower number come first."
    )
    # The server's own list of models when it was last asked (runs/upstream/servers/model_list.py); null: never.
    listed = models.JSONField(null=True, editable=False)
    listed_at = models.DateTimeField(null=True, editable=False)

    DEMO = "local"  # the name of the provider of the bundled model

    class Meta:
        permissions = [("connect_provider", "Can connect providers: set addresses and keys")]

    def __str__(self):
        return self.label or self.name

    @property
    def is_demo(self) -> bool:
        return self.name == self.DEMO

    def clean(self) -> None:
        self.base_url = self.base_url.strip().rstrip("/")
        if fault := self.address_fault:
            raise ValidationError({"base_url": fault})
        if self.key_env and not provider_keys.VARIABLE.fullmatch(self.key_env):
            raise ValidationError({"key_env": "Enter the name of an environment variable, such as OPENAI_API_KEY."})
        if fault := self.key_fault:
            raise ValidationError({"key_env": fault})

    @property
    def address_fault(self) -> str:
        """What is wrong with `base_url`, for staff; empty if nothing is."""
        return provider_keys.address_fault(self.base_url)

    @property
    def origin(self) -> key_storage.Origin:
        return provider_keys.origin_of(self.base_url)

    def store_key(self, key: str) -> None:
        """Encrypt `key` for the present address, in place of any other key. Does not save."""
        self.stored_key, self.key_env = key_storage.seal(key, self.origin), ""

    @property
    def key_fault(self) -> str:
        """Why the key must not be sent to `base_url`, for staff; empty if it may be sent, or there is none."""
        if self.stored_key:
            try:
                key_storage.unseal(self.stored_key, self.origin)
            except key_storage.KeyUnreadable as error:
                return str(error)
            return ""
        return provider_keys.key_fault(self.key_env, self.base_url) if self.key_env else ""

    @property
    def key(self) -> str | None:
        """The stored key, or the one from the environment; None if the provider needs none; empty if it is not set.

        Checked again for each request: what is stored may be older than the rules. Raises ProviderKeyForbidden.
        """
        if self.stored_key:
            try:
                return key_storage.unseal(self.stored_key, self.origin)
            except key_storage.KeyUnreadable as error:
                raise ProviderKeyForbidden(str(error)) from error
        if fault := self.key_fault:
            raise ProviderKeyForbidden(fault)
        return os.environ.get(self.key_env, "") if self.key_env else None


class ModelQuerySet(models.QuerySet):
    def enabled(self) -> "ModelQuerySet":
        return self.filter(enabled=True)

    def usable_by(self, user: AbstractBaseUser | AnonymousUser) -> "ModelQuerySet":
        """The enabled models that `user` may use: those without groups, and those of the user's groups.

        Superusers may use all. Everything that offers or chooses a model starts here.
        """
        if getattr(user, "is_superuser", False):
            return self.enabled()
        limits = Model.groups.through.objects.filter(model=OuterRef("pk"))
        memberships = get_user_model().groups.through.objects.filter(user=user.pk).values("group")
        return self.enabled().filter(~Exists(limits) | Exists(limits.filter(group__in=memberships)))

    def for_chats_of(self, user: AbstractBaseUser | AnonymousUser) -> "ModelQuerySet":
        """Those that `user` may choose for an answer: without models that only make vectors, or other such things."""
        return self.usable_by(user).exclude(has_chat=False)


class Model(models.Model):
    """A model of a provider, with its defaults."""

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[RegexValidator(r"^[^\s\x00-\x1f\x7f]+\Z", "A name has no spaces.")],
        help_text="Name on this site, also in the API",
    )
    label = models.CharField(max_length=100, help_text="Name shown to users")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    upstream_id = models.CharField(max_length=200, help_text="Name at the provider")
    system_prompt = models.TextField(blank=True)
    parameters = models.JSONField(default=dict, blank=True, help_text='Added to requests, e.g. {"temperature": 0.3}')
    profile = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        blank=True,
        help_text="What this model accepts, where that differs from its provider's profile",
    )
    # Found out from refusals and usage (runs.upstream.learning): a profile's fields, and those of its own.
    learned = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), editable=False)
    context_window = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Tokens that the model reads at once, question and answer together; empty: as far as known",
    )
    enabled = models.BooleanField(default=True)
    added_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    is_default = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(
        default=0, db_default=0, verbose_name="order", help_text="Models with a lower number come first."
    )
    groups = models.ManyToManyField(
        "auth.Group", blank=True, related_name="models", help_text="Who may use it. None: everyone."
    )
    favourite_of = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="favourite_models", editable=False
    )

    # Per million tokens, in CURRENCY; null: unknown.
    input_price = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    output_price = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    # What it is capable of; null: unknown.
    has_chat = models.BooleanField(null=True, blank=True, verbose_name="answers")
    has_vision = models.BooleanField(null=True, blank=True, verbose_name="images")
    has_tools = models.BooleanField(null=True, blank=True, verbose_name="tools")
    has_reasoning = models.BooleanField(null=True, blank=True, verbose_name="reasoning")

    objects = ModelQuerySet.as_manager()

    class Meta:
        ordering = ["-is_default", "position", "label"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="model_one_default")
        ]

    def __str__(self):
        return self.label

    def clean(self) -> None:
        if not isinstance(self.parameters, dict):
            raise ValidationError({"parameters": 'Enter a JSON object such as {"temperature": 0.3}.'})
        if reserved := self.parameters.keys() & OWN_PARAMETERS:
            raise ValidationError({"parameters": f"This site sets these itself: {', '.join(sorted(reserved))}."})

    def cost_of(self, prompt_tokens: int | None, completion_tokens: int | None) -> Decimal | None:
        """In CURRENCY; None if a price or a count is unknown."""
        if self.input_price is None or self.output_price is None or prompt_tokens is None or completion_tokens is None:
            return None
        cost: Decimal = (self.input_price * prompt_tokens + self.output_price * completion_tokens) / 1_000_000
        return cost


class Worker(models.Model):
    """One worker process and the lease that all its runs live on. A prefork child is a process of its own."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)  # Celery's node name
    pid = models.PositiveIntegerField()
    pool = models.CharField(max_length=20)
    queues = models.JSONField(default=list)  # names of those it takes tasks from
    versions = models.CharField(max_length=200, blank=True)  # of chatapp and of its main dependencies
    figures = models.JSONField(default=dict)  # its counters (runs.maintenance.counters), with each renewal of the lease
    started_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(db_index=True)  # the reaper: whose lease has run out?

    def __str__(self):
        return f"{self.name} ({self.pid})"


class Report(models.Model):
    """The latest result of a periodic job: when it ran, and what it found."""

    name = models.CharField(primary_key=True, max_length=50)  # upkeep, heal, or a worker's main process
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    def __str__(self):
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"

    @classmethod
    def file(cls, name: str, **data: object) -> None:
        """Replace the report of this name."""
        cls.objects.update_or_create(name=name, defaults={"at": clock.now(), "data": data})


class RunQuerySet(models.QuerySet):
    def active(self):
        return self.filter(status__in=ACTIVE)

    def under_way(self):
        """Running, or with a task that a worker will take: at most one in a session."""
        return self.active().filter(Q(status=Status.RUNNING) | Q(task_id__isnull=False))

    def dispatched(self):
        """Given a task, and waiting for a worker."""
        return self.filter(status=Status.QUEUED, task_id__isnull=False)

    def in_queue(self):
        """Waiting behind another run of their session, in the order in which they will start."""
        return self.filter(status=Status.QUEUED, task_id=None).order_by("position", "id")

    def released(self):
        """Those in the queue that may start: of a held queue only the one that a user sent now."""
        return self.in_queue().filter(Q(session__is_queue_held=False) | Q(session__sent_now=F("pk")))

    def visible_to(self, user):
        """In the sessions that `user` may see. Everything else is as if it did not exist (B55)."""
        return self.filter(session__in=Session.objects.visible_to(user))


class Run(models.Model):
    """One attempt of a model to answer. Its id is also the id of its stream.

    Only `runs/lifecycle/transitions.py` writes `status`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="runs")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="runs")
    model = models.ForeignKey(Model, on_delete=models.SET_NULL, null=True, related_name="runs")
    trigger = models.CharField(max_length=16, choices=Trigger.choices, default=Trigger.CHAT)

    tells = models.CharField(max_length=8, choices=Notify.choices, default=Notify.ALL)

    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    reason = models.CharField(max_length=16, blank=True, choices=[*StopReason.choices, *LostReason.choices])
    code = models.CharField(max_length=32, blank=True)  # of runs/errors.py
    error = models.CharField(max_length=500, blank=True)  # safe to show
    trace = models.TextField(blank=True)  # for staff; secrets redacted
    retryable = models.BooleanField(default=False)
    finish_reason = models.CharField(max_length=32, blank=True)  # the upstream's

    position = models.IntegerField(default=0)  # in the session's queue: the lowest is next
    is_continuation = models.BooleanField(default=False)  # continues the message of an earlier run
    task_id = models.UUIDField(unique=True, null=True)  # Celery's; null while the run waits behind another
    dispatched_at = models.DateTimeField(null=True)  # when it was given that task
    attempt = models.PositiveSmallIntegerField(default=0)  # requests sent upstream
    # Messages of its chat that did not fit, whole or in part. The previous version may insert rows without it.
    left_out = models.PositiveIntegerField(default=0, db_default=0)
    worker = models.ForeignKey(Worker, on_delete=models.SET_NULL, null=True, related_name="runs")

    stop_requested_at = models.DateTimeField(null=True, blank=True)
    stop_reason = models.CharField(max_length=16, blank=True, choices=StopReason.choices)  # of the request
    stop_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    options = models.JSONField(null=True, editable=False)  # what a program chose, in a chat (`runs.options`)
    # Requested through /v1, wherever its session is. The previous version may insert rows without it.
    is_program = models.BooleanField(default=False, db_default=False)
    # An attached run ends at this time unless it is followed; null: it is detached and outlives its viewers.
    viewer_until = models.DateTimeField(null=True)

    queued_at = models.DateTimeField(default=timezone.now)  # by the web server's clock, without a query
    started_at = models.DateTimeField(null=True)
    first_token_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    last_seq = models.PositiveIntegerField(default=0)  # of the final event; while the run goes on, ask the log
    prompt_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    sources = models.JSONField(null=True, blank=True)  # [{"url", "title"}]: web pages that the answer names
    cached_tokens = models.PositiveIntegerField(null=True)  # of the prompt: from the provider's cache
    reasoning_tokens = models.PositiveIntegerField(null=True)  # of the completion
    cost = models.DecimalField(max_digits=20, decimal_places=10, null=True)  # in CURRENCY, by the prices at its end

    # How much of the message is this run's; null until it ends.
    text_characters = models.PositiveIntegerField(null=True)
    reasoning_characters = models.PositiveIntegerField(null=True)
    tool_calls = models.PositiveIntegerField(null=True)
    log_kept = models.CharField(max_length=16, choices=LogKept.choices, default=LogKept.WHOLE)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="run_status_known"),
            models.CheckConstraint(condition=Q(log_kept__in=LogKept.values), name="run_log_kept_known"),
            models.CheckConstraint(
                condition=Q(status__in=FINAL, finished_at__isnull=False) | Q(status__in=ACTIVE, finished_at=None),
                name="run_final_has_finished_at",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.RUNNING) | Q(started_at__isnull=False, task_id__isnull=False),
                name="run_running_has_task",
            ),
            models.CheckConstraint(condition=~Q(status=Status.FAILED) | ~Q(code=""), name="run_failed_has_code"),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.STOPPED, Status.LOST]) | ~Q(reason=""),
                name="run_end_has_reason",
            ),
            # One answer at a time in a session, however many tabs, clients and workers (B16).
            models.UniqueConstraint(
                fields=["session"], condition=Q(status=Status.RUNNING), name="run_one_running_per_session"
            ),
        ]
        indexes = [
            models.Index(fields=["session", "position", "id"], condition=Q(status=Status.QUEUED), name="run_queue"),
            models.Index(fields=["worker"], condition=Q(status=Status.RUNNING), name="run_on_worker"),
            models.Index(fields=["log_kept", "finished_at"], name="run_log_to_reduce"),  # retention: which are due?
            models.Index(F("queued_at").desc(), name="run_newest_first"),  # the admin's list,
            models.Index("status", F("queued_at").desc(), name="run_of_status"),  # filtered by state,
            models.Index(  # by error,
                "code", F("queued_at").desc(), condition=Q(status=Status.FAILED), name="run_of_code"
            ),
            models.Index(  # or by trigger, except the chat, which nearly all have
                "trigger", F("queued_at").desc(), condition=~Q(trigger=Trigger.CHAT), name="run_of_trigger"
            ),
        ]

    def __str__(self):
        return f"{self.id} ({self.status})"

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def tokens_per_second(self, tokens: int | None = None) -> float | None:
        """From the first token to the end, of `tokens` or the upstream's count. None: unknown, or too short to measure.

        An answer that came in one piece has no speed.
        """
        tokens = tokens or self.completion_tokens or 0
        if tokens < 2 or self.first_token_at is None or self.finished_at is None:
            return None
        seconds = (self.finished_at - self.first_token_at).total_seconds()
        return tokens / seconds if seconds >= SHORTEST_MEASURED else None
