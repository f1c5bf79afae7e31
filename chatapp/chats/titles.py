"""The name of a session: its title, else the beginning of its visible branch."""

from django.db.models import Case, F, Func, OuterRef, QuerySet, Subquery, UUIDField, Value, When
from django.db.models.functions import Coalesce, Left, NullIf

from chatapp.chats.models import Attachment, Message, MessageState, Role, Session

TITLE_CHARACTERS = 60  # characters of the first message used as a title
OPENING_CHARACTERS = 200  # characters read of the first message, which may begin with white space


class Root(Func):
    """The id of a branch's first message, found by a recursive query."""

    template = """(
        WITH RECURSIVE branch(id, parent_id) AS (
            SELECT id, parent_id FROM chats_message WHERE id = %(expressions)s
            UNION ALL SELECT above.id, above.parent_id FROM chats_message above JOIN branch ON above.id = branch.parent_id
        )
        SELECT id FROM branch WHERE parent_id IS NULL
    )"""  # noqa: E501
    output_field = UUIDField()


_messages = Message.objects.filter(session=OuterRef("pk"))
_first_question = _messages.filter(role=Role.USER).order_by("id").values("id")[:1]
# An edited question is visible immediately, although the tip moves only when its answer starts.
_edited = _messages.filter(role=Role.ASSISTANT, state=MessageState.WAITING, parent__state=MessageState.COMPLETE)
_edited_question = _edited.order_by("-id").values("parent")[:1]

_first_file = Subquery(Attachment.objects.filter(message=OuterRef("pk")).order_by("position").values("name")[:1])


def with_opening(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Annotate `opening`: the beginning of an untitled session's first visible message, or its first file's name."""
    end = Coalesce(Subquery(_edited_question), F("tip_id"))
    first = Coalesce(Root(end), Subquery(_first_question))
    content = NullIf(Left("content", OPENING_CHARACTERS), Value(""))
    opening = Message.objects.filter(pk=OuterRef("first_shown")).values_list(Coalesce(content, _first_file))
    untitled = When(title="", then=Subquery(opening))
    return sessions.alias(first_shown=first).annotate(opening=Case(untitled, default=Value("")))


def title_of(session: Session) -> str:
    """The title, else the beginning of the first message, cut at a word. Needs `with_opening`."""
    line = " ".join((session.title or session.opening or "").split())
    if not line:
        return "New chat"
    if len(line) <= TITLE_CHARACTERS or session.title:
        return line
    cut = line[:TITLE_CHARACTERS]
    return f"{cut.rpartition(' ')[0] or cut}…"


def opening_of(question: Message) -> str:
    """The question's text; without any, the names of its files."""
    return question.content or ", ".join(file.name for file in question.attachments.all())
