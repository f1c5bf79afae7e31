"""One user's slow answers do not delay the rendering of another user's."""

from runs.rendering.fair_queue import MAX_WAITING, FairQueue

SOON, LATER = 0, 1
ALICE, BOB = 1, 2


def queue_of(**owners: int) -> FairQueue:
    return FairQueue(lambda answers: {answer: owners[answer[1]] for answer in answers if answer[1] in owners})


def drain(queue: FairQueue, seconds: dict[int, float], owners: dict[str, int]) -> str:
    """The names of all waiting answers in order; rendering one takes its owner's number of seconds."""
    names = []
    while (answer := queue.get(0)) is not None:
        names.append(answer[1])
        queue.charge(owners[answer[1]], seconds[owners[answer[1]]])
    return " ".join(names)


def test_many_slow_answers_of_one_user_do_not_delay_another_user():  # B68
    owners = {"a1": ALICE, "a2": ALICE, "a3": ALICE, "b1": BOB, "b2": BOB}
    queue = queue_of(**owners)
    for name in owners:
        queue.put(SOON, ("pk", name))
    assert drain(queue, {ALICE: 2.0, BOB: 0.01}, owners) == "a1 b1 b2 a2 a3"


def test_recently_ended_answers_come_before_old_ones():
    owners = {"old": ALICE, "new": BOB, "last": BOB}
    queue = queue_of(**owners)
    queue.put(LATER, ("pk", "old"))
    queue.put(SOON, ("runs", "new"))
    queue.put(SOON, ("runs", "last"))
    assert drain(queue, {ALICE: 0.0, BOB: 5.0}, owners) == "new last old"


def test_an_answer_is_queued_once_and_the_queue_is_bounded():
    queue = queue_of()
    assert queue.put(SOON, ("pk", "x"))
    assert queue.put(LATER, ("pk", "x"))
    assert queue.get(0) == ("pk", "x")
    assert queue.get(0) is None
    assert all(queue.put(SOON, ("pk", str(number))) for number in range(MAX_WAITING))
    assert not queue.put(SOON, ("pk", "one more"))


def test_deleted_answers_are_returned_like_others():
    queue = queue_of(a1=ALICE)
    queue.put(SOON, ("pk", "gone"))
    queue.put(SOON, ("pk", "a1"))
    assert {queue.get(0), queue.get(0)} == {("pk", "gone"), ("pk", "a1")}
