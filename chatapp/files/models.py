"""Stored files."""

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from uuid_utils.compat import uuid7


class FileState(models.TextChoices):
    STORING = "storing"  # room is reserved, the content is being written
    STORED = "stored"
    DELETING = "deleting"  # the content is being deleted, the row follows


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "StoredFileQuerySet":
        """The whole files that `user` owns. To everyone else they do not exist (B55)."""
        if user.pk is None:  # who has not logged in: those of deleted users have no owner either
            return self.none()
        return self.filter(owner_id=user.pk, state=FileState.STORED)

    def unheld(self) -> "StoredFileQuerySet":
        """Files that no row of any table refers to."""
        files = self
        for relation in self.model._meta.related_objects:
            holders = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
            files = files.filter(~Exists(holders))
        return files


class StoredFile(models.Model):
    """The content of a file, once for each owner. What uses it refers to it with on_delete=RESTRICT.

    Every content in the storage has a row, from before it is written until after it is deleted, so nothing is left over
    wherever a process is killed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # null: the user has been deleted, the content follows
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="files")
    sha256 = models.CharField(max_length=64)  # of the content, in hexadecimal
    size = models.PositiveBigIntegerField()  # bytes
    media_type = models.CharField(max_length=100)  # as found in the content, whatever was claimed
    name = models.CharField(max_length=100)  # as last uploaded
    # Of an image; null: it is none.
    width = models.PositiveIntegerField(null=True)  # px
    height = models.PositiveIntegerField(null=True)  # px
    thumbnail_size = models.PositiveIntegerField(default=0, db_default=0)  # bytes of WebP; 0: none
    # Of a document, or of a text that is not in UTF-8: what was read of it, in UTF-8, is at `text_place`.
    text_size = models.PositiveBigIntegerField(
        default=0, db_default=0
    )  # bytes; 0: the content is the text, or an image
    parts = models.PositiveIntegerField(null=True)  # pages, slides or sheets; null: it has none
    encoding = models.CharField(max_length=20, blank=True, default="", db_default="")  # as found; empty: UTF-8, or none
    place = models.CharField(max_length=150, unique=True)  # of the content in the storage: never used for another row
    state = models.CharField(max_length=8, choices=FileState.choices, default=FileState.STORING)
    created_at = models.DateTimeField(auto_now_add=True)
    # A file that nothing refers to is deleted after this; null: something did when it was last looked at.
    kept_until = models.DateTimeField(null=True)

    objects = StoredFileQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]  # UUIDv7: the newest first
        constraints = [
            # The same content twice, uploaded at the same time.
            models.UniqueConstraint(
                fields=["owner", "sha256"], condition=Q(state="stored"), name="file_content_once_for_each_owner"
            ),
            models.CheckConstraint(condition=Q(state__in=FileState.values), name="file_state_known"),
            models.CheckConstraint(condition=~Q(name=""), name="file_named"),
            models.CheckConstraint(condition=~Q(media_type=""), name="file_typed"),
        ]
        indexes = [
            models.Index(fields=["kept_until"], name="file_kept_until"),  # upkeep: what is due?
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_image(self) -> bool:
        return self.width is not None

    @property
    def is_document(self) -> bool:
        """Whether its text was read out of it, and is not its content."""
        return self.text_size > 0 and not self.encoding

    @property
    def thumbnail_place(self) -> str:
        return f"{self.place}.webp"

    @property
    def text_place(self) -> str:
        return f"{self.place}.txt"
