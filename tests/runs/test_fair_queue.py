"""One user's answers do not hold up another's HTML: the time that is spent goes round."""

from runs.rendering.fair_queue import MAX_WAITING, FairQueue

SOON, LATER = 0, 1
ALICE, BOB = 1, 2


def turns(**owners: int) -> FairQueue:
    return FairQueue(lambda answers: {answer: owners[answer[1]] for answer in answers if answer[1] in owners})


def taken(line: FairQueue, seconds: dict[int, float], owners: dict[str, int]) -> str:
    """The names of all that wait, in their turns; each costs its owner so many seconds."""
    names = []
    while (answer := line.get(0)) is not None:
        names.append(answer[1])
        line.charge(owners[answer[1]], seconds[owners[answer[1]]])
    return " ".join(names)


def test_many_slow_answers_of_one_user_let_another_users_answer_go_before():  # B68
    owners = {"a1": ALICE, "a2": ALICE, "a3": ALICE, "b1": BOB, "b2": BOB}
    line = turns(**owners)
    for name in owners:
        line.put(SOON, ("pk", name))
    assert taken(line, {ALICE: 2.0, BOB: 0.01}, owners) == "a1 b1 b2 a2 a3"


def test_what_has_just_ended_comes_before_what_is_old():
    owners = {"old": ALICE, "new": BOB, "last": BOB}
    line = turns(**owners)
    line.put(LATER, ("pk", "old"))
    line.put(SOON, ("runs", "new"))
    line.put(SOON, ("runs", "last"))
    assert taken(line, {ALICE: 0.0, BOB: 5.0}, owners) == "new last old"


def test_what_waits_already_waits_once_and_there_is_an_end_to_the_queue():
    line = turns()
    assert line.put(SOON, ("pk", "x"))
    assert line.put(LATER, ("pk", "x"))
    assert line.get(0) == ("pk", "x")
    assert line.get(0) is None
    assert all(line.put(SOON, ("pk", str(number))) for number in range(MAX_WAITING))
    assert not line.put(SOON, ("pk", "one more"))


def test_answers_that_are_gone_are_taken_like_others():
    line = turns(a1=ALICE)
    line.put(SOON, ("pk", "gone"))
    line.put(SOON, ("pk", "a1"))
    assert {line.get(0), line.get(0)} == {("pk", "gone"), ("pk", "a1")}
