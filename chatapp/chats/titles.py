"""What a session is called: by its title, or by how it begins: the branch of it that is shown, not one edited away."""

from django.db.models import Case, F, Func, OuterRef, QuerySet, Subquery, UUIDField, Value, When
from django.db.models.functions import Coalesce, Left, NullIf

from chatapp.chats.models import Attachment, Message, MessageState, Role, Session

TITLE_CHARACTERS = 60  # of the first message, where a session has no title
OPENING_CHARACTERS = 200  # read of the first message: it may begin with white space


class Root(Func):
    """The id of the message that the branch of a message begins with, walked up by the database."""

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
# A question that was edited a moment ago is shown already, though the tip moves only when its answer is begun.
_edited = _messages.filter(role=Role.ASSISTANT, state=MessageState.WAITING, parent__state=MessageState.COMPLETE)
_edited_question = _edited.order_by("-id").values("parent")[:1]

_first_file = Subquery(Attachment.objects.filter(message=OuterRef("pk")).order_by("position").values("name")[:1])


def with_opening(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Sessions with `opening`: of those without a title, the beginning of the first message that is shown.

    Where that has files and no words, it is the first file's name.
    """
    end = Coalesce(Subquery(_edited_question), F("tip_id"))
    first = Coalesce(Root(end), Subquery(_first_question))
    words = NullIf(Left("content", OPENING_CHARACTERS), Value(""))
    opening = Message.objects.filter(pk=OuterRef("first_shown")).values_list(Coalesce(words, _first_file))
    untitled = When(title="", then=Subquery(opening))
    return sessions.alias(first_shown=first).annotate(opening=Case(untitled, default=Value("")))


def title_of(session: Session) -> str:
    """The title, else the beginning of the first message, cut at a word. The session comes `with_opening`."""
    words = " ".join((session.title or session.opening or "").split())
    if not words:
        return "New chat"
    if len(words) <= TITLE_CHARACTERS or session.title:
        return words
    cut = words[:TITLE_CHARACTERS]
    return f"{cut.rpartition(' ')[0] or cut}…"


def opening_of(question: Message) -> str:
    """What a question is about, in its own words; without any, its files' names."""
    return question.content or ", ".join(file.name for file in question.attachments.all())
