"""Sessions and their messages."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7


class News(models.TextChoices):
    """The unread badge of a session: how its last answer ended, if the owner has not seen it."""

    UNREAD = "unread"
    FAILED = "failed"


class Effort(models.TextChoices):
    """How much a model is to think before it answers."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class SessionQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The sessions `user` owns. To everyone else they do not exist (B55).

        Excludes panes of comparisons, which are reached only through the comparison: a session reveals its model (B45).
        """
        return self.filter(owner_id=user.pk, is_listed=True)

    def listed(self):
        """Sessions that lists show."""
        return self.filter(is_listed=True)


class Session(models.Model):
    """One conversation of one owner."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_sessions")
    title = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=100, blank=True)  # name of the last chosen runs.Model; empty: the default
    is_queue_held = models.BooleanField(default=False)  # after Stop or failure: waiting messages stay until released
    sent_now = models.UUIDField(null=True, editable=False)  # id of the run that starts although the queue is held
    tip = models.ForeignKey(
        "Message", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )  # last displayed
    system_prompt = models.TextField(blank=True)  # overrides the model's; empty: no override
    temperature = models.FloatField(null=True, blank=True)  # null: the model's
    max_tokens = models.PositiveIntegerField(null=True, blank=True)  # per answer; null: the model's
    # Sent to models that reason; empty: the model's
    reasoning_effort = models.CharField(max_length=8, choices=Effort.choices, blank=True, default="", db_default="")
    # The chat that this one goes on: its first answer is a summary of that one.
    summary_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    title_requests = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)  # sent to a model
    is_listed = models.BooleanField(default=True)  # a pane of a comparison is not (B46)
    news = models.CharField(max_length=8, choices=News.choices, blank=True)  # since the owner's last visit
    pinned_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    share_token = models.CharField(max_length=43, null=True, unique=True, editable=False)  # noqa: DJ001  (null: not shared)
    share_files = models.BooleanField(default=False, db_default=False, editable=False)  # by the link, too
    created_at = models.DateTimeField(auto_now_add=True)
    active_at = models.DateTimeField(auto_now_add=True)  # last message sent or answer ended

    objects = SessionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "-active_at"])]  # the list of sessions

    def __str__(self):
        return self.title or "New chat"


class Role(models.TextChoices):
    USER = "user"
    ASSISTANT = "assistant"


class MessageState(models.TextChoices):
    """The state of a message for readers. A user's message is waiting (in the queue) or complete."""

    WAITING = "waiting"  # requested, not yet started
    ANSWERING = "answering"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"


class Message(models.Model):
    """One entry of a session, written by the user or by a model. Messages form a tree through `parent`.

    A queued question has no parent yet: it is attached to the branch when its answer starts.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="children")
    role = models.CharField(max_length=16, choices=Role.choices)
    content = models.TextField(blank=True)  # without its files, which are `attachments`
    reasoning = models.TextField(blank=True)
    tools = models.JSONField(default=list, blank=True)  # requested calls: [{"index", "id", "name", "arguments"}]
    html = models.TextField(blank=True)  # `content` as safe HTML, rendered once when final; empty: shown as plain text
    html_due_at = models.DateTimeField(null=True, editable=False)  # when HTML is to be rendered; null: not (again)
    html_tries = models.PositiveSmallIntegerField(db_default=0, editable=False)  # render attempts for this content
    state = models.CharField(max_length=16, choices=MessageState.choices, default=MessageState.COMPLETE)
    # A program's question as chat messages, tool results included; null: the content and its files are all of it.
    prompt = models.JSONField(null=True, editable=False)
    key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  (the client's; null: none given)
    fingerprint = models.CharField(max_length=64, blank=True)  # of the request with `key`: a retry has the same one
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]  # UUIDv7: by time of creation
        indexes = [  # what upkeep renders: a few rows of a large table
            models.Index(fields=["html_due_at"], condition=models.Q(html_due_at__isnull=False), name="message_html_due")
        ]
        constraints = [
            # A double click, or pressing Enter twice, sends one message (B22).
            models.UniqueConstraint(fields=["session", "key"], name="message_key_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="message_role_known"),
            models.CheckConstraint(condition=models.Q(state__in=MessageState.values), name="message_state_known"),
        ]

    def __str__(self):
        return f"{self.role}: {self.content[:40]}"


class Attachment(models.Model):
    """A file sent with a message. For the model the text of a file is appended to the message's text."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments", db_index=False)
    position = models.PositiveSmallIntegerField()  # within its message, from 0
    name = models.CharField(max_length=100)
    media_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()  # bytes of the uploaded file; `text` may be shorter: LF, no BOM
    text = models.TextField(blank=True)
    alt = models.CharField(max_length=500, blank=True, default="", db_default="")  # what an image shows, by its sender
    note = models.CharField(
        max_length=200, blank=True, default="", db_default=""
    )  # for the sender: what `text` is of it
    # The stored content. null: a text file of a form, which has no content but `text`.
    file = models.ForeignKey("files.StoredFile", on_delete=models.RESTRICT, null=True, related_name="attachments")

    pages = ""  # of a document in a message that was not sent yet: those that its sender chose

    class Meta:
        ordering = ["message_id", "position"]
        constraints = [
            # A fixed order. Its index also serves to look up a message's files.
            models.UniqueConstraint(fields=["message", "position"], name="attachment_place_once"),
            # Pages and the model's context need a name.
            models.CheckConstraint(condition=~models.Q(name=""), name="attachment_named"),
            models.CheckConstraint(condition=~models.Q(media_type=""), name="attachment_typed"),
        ]

    def __str__(self):
        return self.name

    @property
    def is_image(self) -> bool:
        """Whether it is a picture of dots: an SVG is text, and so is what a browser took for a picture by its name."""
        return self.file_id is not None and not self.text and self.media_type in ("image/png", "image/jpeg")


class Stored(models.Model):
    """The amount of stored text of a user (`chats.storage_usage`)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    size = models.PositiveBigIntegerField(default=0)  # bytes
    counted_at = models.DateTimeField(null=True)  # null: something was deleted since the last count

    def __str__(self):
        return f"{self.size} bytes"


class Theme(models.TextChoices):
    SYSTEM = "system", "Match system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Preferences(models.Model):
    """A user's preferences for pages. Users who changed nothing have no row."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    model = models.CharField(max_length=100, blank=True)  # name of the runs.Model for new sessions; empty: the default
    notifies = models.BooleanField(default=False)  # browser notifications when an answer ends in the background

    def __str__(self):
        return str(self.user)
