"""The messages of a session form a tree: edited questions and regenerated answers are branches."""

from collections import defaultdict
from uuid import UUID

from chatapp.chats.models import MessageState, Role, Session


class Tree:
    """Parents and children of a session's messages. A queued question has no place in the tree yet.

    `tip` is the session's, read together with them; None if it has none.
    """

    def __init__(self, session: Session) -> None:
        rows = session.messages.order_by("id").values_list("id", "parent_id", "role", "state", "session__tip")
        self.tip: UUID | None = None
        self._parents: dict[UUID, UUID | None] = {}
        self._children: dict[UUID | None, list[UUID]] = defaultdict(list)
        for pk, parent, role, state, self.tip in rows:
            self._parents[pk] = parent
            if not (role == Role.USER and state == MessageState.WAITING):
                self._children[parent].append(pk)

    def path_to(self, message_id: UUID | None) -> list[UUID]:
        """The ids from the root to a message."""
        ids = []
        while message_id is not None:
            ids.append(message_id)
            message_id = self._parents.get(message_id)
        return ids[::-1]

    def versions(self, message_id: UUID) -> list[UUID]:
        """The ids of the siblings of a message, itself included, oldest first."""
        if message_id not in self._parents:
            return [message_id]
        return self._children[self._parents[message_id]]

    def leaf_below(self, message_id: UUID) -> UUID:
        """The leaf of the newest branch through a message."""
        while below := self._children.get(message_id):
            message_id = below[-1]
        return message_id
