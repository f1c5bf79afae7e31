"""The scoreboard: wins, ties, and a rating of each contender. `docs/compare.md` explains the formula."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from math import log10

from django.contrib.auth.models import AbstractBaseUser

from chatapp.compare.models import Comparison

AVERAGE, SCALE = 1000.0, 400.0  # points; 400 more mean odds of ten to one
VIRTUAL_TIES = 1.0  # virtual ties with an average opponent, so that a single win does not give an infinite rating
ROUNDS, CLOSE_ENOUGH = 1_000, 1e-9  # of the iteration; it ends when no strength changes by more than this share


@dataclass(frozen=True)
class Ballot:
    """One vote: the contenders, and the winner (None: a tie)."""

    contenders: tuple[str, ...]
    winner: str | None


@dataclass
class Standing:
    contender: str
    wins: int = 0
    ties: int = 0
    losses: int = 0
    rating: float = AVERAGE

    @property
    def votes(self) -> int:
        return self.wins + self.ties + self.losses

    @property
    def win_rate(self) -> float:
        """Share of the comparisons won; a tie counts half."""
        return (self.wins + self.ties / 2) / self.votes

    @property
    def percentage(self) -> float:
        return 100 * self.win_rate


@dataclass
class Duels:
    """Points of each contender against each other one: 1 a win, ½ a tie."""

    points: dict[str, float] = field(default_factory=dict)
    met: dict[tuple[str, str], float] = field(default_factory=dict)  # number of comparisons of each pair

    def add(self, one: str, other: str, points_of_one: float) -> None:
        self.points[one] = self.points.get(one, 0.0) + points_of_one
        self.points[other] = self.points.get(other, 0.0) + 1 - points_of_one
        for pair in ((one, other), (other, one)):
            self.met[pair] = self.met.get(pair, 0.0) + 1


def ballots_of(owner: AbstractBaseUser, *, blind_only: bool = True) -> list[Ballot]:
    """The votes of one user, without panes closed before the vote."""
    decided = Comparison.objects.visible_to(owner).decided().select_related("winner").prefetch_related("panes")
    decided = decided.filter(is_blind=True) if blind_only else decided
    return [_ballot(comparison) for comparison in decided]


def _ballot(comparison: Comparison) -> Ballot:
    panes = [pane for pane in comparison.panes.all() if pane.closed_at is None]
    winner = comparison.winner
    return Ballot(tuple(pane.contender for pane in panes), winner.contender if winner else None)


def standings(ballots: Iterable[Ballot]) -> list[Standing]:
    """All contenders, best first."""
    ballots = list(ballots)
    board: dict[str, Standing] = {}
    for ballot in ballots:
        for contender in ballot.contenders:
            standing = board.setdefault(contender, Standing(contender))
            standing.wins += ballot.winner == contender
            standing.ties += ballot.winner is None
            standing.losses += ballot.winner not in (None, contender)
    for contender, rating in ratings(ballots).items():
        board[contender].rating = rating
    return sorted(board.values(), key=lambda standing: (-standing.rating, -standing.votes, standing.contender))


def duels_in(ballots: Iterable[Ballot]) -> Duels:
    """Split each vote into duels: the winner beats every other contender; in a tie all are level.
    A vote says nothing about two losers, so it counts as no duel between them.
    """
    duels = Duels()
    for ballot in ballots:
        for one, other in combinations(ballot.contenders, 2):
            if ballot.winner is None:
                duels.add(one, other, 0.5)
            elif ballot.winner in (one, other):
                duels.add(one, other, 1.0 if ballot.winner == one else 0.0)
    return duels


def ratings(ballots: Iterable[Ballot]) -> dict[str, float]:
    """Bradley–Terry strengths, on Elo's scale. The order of the votes does not matter."""
    duels = duels_in(ballots)
    strengths = dict.fromkeys(duels.points, 1.0)
    for _ in range(ROUNDS):
        stronger = {contender: _strength(contender, duels, strengths) for contender in strengths}
        change = max((abs(stronger[c] / strengths[c] - 1) for c in strengths), default=0.0)
        strengths = stronger
        if change < CLOSE_ENOUGH:
            break
    return {contender: AVERAGE + SCALE * log10(strength) for contender, strength in strengths.items()}


def _strength(contender: str, duels: Duels, strengths: dict[str, float]) -> float:
    """One step towards the maximum-likelihood strength; the virtual opponent has strength 1."""
    mine = strengths[contender]
    expected = VIRTUAL_TIES / (mine + 1)
    for other, strength in strengths.items():
        if met := duels.met.get((contender, other)):
            expected += met / (mine + strength)
    return (duels.points[contender] + VIRTUAL_TIES / 2) / expected
