"""Sessions and their messages: the domain that everything else points at."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7


class News(models.TextChoices):
    """The unread badge of a session: how its last answer ended, if the owner has not seen it."""

    UNREAD = "unread"
    FAILED = "failed"


class SessionQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The sessions `user` may see: their own. Everything else is as if it did not exist (B55).

        So is a pane of a comparison, which is reached through that only: a session names its model (B45).
        """
        return self.filter(owner_id=user.pk, is_listed=True)

    def listed(self):
        """Those that lists of sessions show."""
        return self.filter(is_listed=True)


class Session(models.Model):
    """One conversation of one owner."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_sessions")
    title = models.CharField(max_length=80, blank=True)
    model = models.CharField(max_length=100, blank=True)  # name of the runs.Model chosen last; empty: the default
    is_queue_held = models.BooleanField(default=False)  # after Stop or failure: waiting messages stay until released
    tip = models.ForeignKey("Message", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")  # last shown
    system_prompt = models.TextField(blank=True)  # in the place of the model's own; empty: that one
    temperature = models.FloatField(null=True, blank=True)  # null: the model's own
    max_tokens = models.PositiveIntegerField(null=True, blank=True)  # of one answer; null: the model's own
    is_listed = models.BooleanField(default=True)  # a pane of a comparison is not (B46)
    news = models.CharField(max_length=8, choices=News.choices, blank=True)  # since the owner last looked
    pinned_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    share_token = models.CharField(max_length=43, null=True, unique=True, editable=False)  # noqa: DJ001  (null: not shared)
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
    """What a reader is shown of a message. A user's message waits (in the queue) or is complete."""

    WAITING = "waiting"  # asked for, not yet begun
    ANSWERING = "answering"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"


class Message(models.Model):
    """One entry of a session, written by the user or by a model. Messages form a tree through `parent`.

    A question that waits in the queue has no parent yet: it gets its place when its answer begins.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="children")
    role = models.CharField(max_length=16, choices=Role.choices)
    content = models.TextField(blank=True)  # the words alone; files that came with them are `attachments`
    reasoning = models.TextField(blank=True)
    tools = models.JSONField(default=list, blank=True)  # asked for: [{"index", "id", "name", "arguments"}]
    html = models.TextField(blank=True)  # `content` as safe HTML, made once when it is final; empty: shown as it is
    html_due_at = models.DateTimeField(null=True, editable=False)  # when HTML is to be made; null: not, or not again
    html_tries = models.PositiveSmallIntegerField(db_default=0, editable=False)  # begun for this content
    state = models.CharField(max_length=16, choices=MessageState.choices, default=MessageState.COMPLETE)
    key = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  (the client's; null: none given)
    fingerprint = models.CharField(max_length=64, blank=True)  # of the request that had `key`: a retry has the same
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]  # UUIDv7: by time of creation
        indexes = [  # what upkeep makes HTML of, a few rows among all there are
            models.Index(fields=["html_due_at"], condition=models.Q(html_due_at__isnull=False), name="message_html_due")
        ]
        constraints = [
            # A double click, or Enter twice, is one message (B22).
            models.UniqueConstraint(fields=["session", "key"], name="message_key_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="message_role_known"),
            models.CheckConstraint(condition=models.Q(state__in=MessageState.values), name="message_state_known"),
        ]

    def __str__(self):
        return f"{self.role}: {self.content[:40]}"


class Attachment(models.Model):
    """A file of text that was sent with a message. A model reads it behind the message's own words."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="attachments", db_index=False)
    position = models.PositiveSmallIntegerField()  # among the files of its message, from 0
    name = models.CharField(max_length=100)
    media_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()  # bytes of the file that was sent; `text` may be shorter: LF, no BOM
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["message_id", "position"]
        constraints = [
            # One order for all who read them; its index is the one by which a message's files are looked up.
            models.UniqueConstraint(fields=["message", "position"], name="attachment_place_once"),
            # A file is called something wherever it is shown, and in what a model reads.
            models.CheckConstraint(condition=~models.Q(name=""), name="attachment_named"),
            models.CheckConstraint(condition=~models.Q(media_type=""), name="attachment_typed"),
        ]

    def __str__(self):
        return self.name


class Stored(models.Model):
    """How much text is stored of a user (`chats.stored`)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    size = models.PositiveBigIntegerField(default=0)  # bytes
    counted_at = models.DateTimeField(null=True)  # null: something was deleted since

    def __str__(self):
        return f"{self.size} bytes"


class Theme(models.TextChoices):
    SYSTEM = "system", "Like the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Preferences(models.Model):
    """How a user wants the pages. Who has chosen nothing has no row."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    model = models.CharField(max_length=100, blank=True)  # name of the runs.Model for new sessions; empty: the default
    notifies = models.BooleanField(default=False)  # by the browser, when an answer ends while one looks elsewhere

    def __str__(self):
        return str(self.user)
