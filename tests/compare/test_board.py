"""The scoreboard: counting, and a rating that means what docs/compare.md says."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.compare.scoreboard import AVERAGE, Ballot, ratings, standings

NAMES = ["ash", "beech", "cedar", "date", "elm", "fir"]
ballots = st.lists(
    st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True).flatmap(
        lambda names: st.builds(Ballot, st.just(tuple(names)), st.sampled_from([None, *names]))
    ),
    max_size=20,
)


def beats(winner: str, loser: str, times: int = 1) -> list[Ballot]:
    return [Ballot((winner, loser), winner)] * times


def test_wins_ties_losses_and_rate_are_counted():
    board = standings([*beats("ash", "beech", 2), Ballot(("beech", "ash"), None), Ballot(("cedar", "ash"), "cedar")])
    found = {standing.contender: standing for standing in board}
    ash, beech = found["ash"], found["beech"]
    assert (ash.wins, ash.ties, ash.losses, ash.votes, ash.win_rate) == (2, 1, 1, 4, 0.625)
    assert (beech.wins, beech.ties, beech.losses, beech.win_rate) == (0, 1, 2, 1 / 6)


def test_one_vote_between_two_gives_the_figure_in_the_docs():
    board = ratings(beats("ash", "beech"))
    assert {name: round(rating) for name, rating in board.items()} == {"ash": 1131, "beech": 869}


def test_ties_alone_leave_everybody_average():
    assert set(ratings([Ballot(("ash", "beech", "cedar"), None)] * 5).values()) == {AVERAGE}


def test_who_beats_the_strong_is_stronger():
    board = standings([*beats("ash", "beech", 3), *beats("beech", "cedar", 3), *beats("date", "ash", 3)])
    assert [standing.contender for standing in board] == ["date", "ash", "beech", "cedar"]


def test_among_those_that_lost_together_nothing_is_known():
    board = ratings([Ballot(("ash", "beech", "cedar"), "ash")])
    assert board["beech"] == pytest.approx(board["cedar"])
    assert board["ash"] > AVERAGE > board["beech"]


def test_many_votes_find_the_strengths_that_made_them():
    """400 points more win ten times out of eleven."""
    dice = random.Random(5)
    votes = [Ballot(("ash", "beech"), "ash" if dice.random() < 10 / 11 else "beech") for _ in range(4000)]
    board = ratings(votes)
    assert board["ash"] - board["beech"] == pytest.approx(400, abs=40)


@settings(max_examples=40, deadline=None)
@given(ballots)
def test_whatever_the_votes_the_order_does_not_matter_and_everybody_has_a_place(votes):
    board = standings(votes)
    shuffled = standings(random.Random(1).sample(votes, len(votes)))
    assert {s.contender for s in board} == {name for ballot in votes for name in ballot.contenders}
    assert {s.contender: round(s.rating, 3) for s in board} == {s.contender: round(s.rating, 3) for s in shuffled}
    assert sum(s.wins for s in board) == sum(ballot.winner is not None for ballot in votes)


@settings(max_examples=40, deadline=None)
@given(ballots, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_another_win_never_hurts(votes, winner, loser):
    if winner == loser:
        return
    known = [*votes, Ballot((winner, loser), None)]
    assert ratings([*known, *beats(winner, loser)])[winner] >= ratings(known)[winner] - 1e-6
