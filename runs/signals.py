"""Moments in the life of runs that others may want to hear of, as Django's signals.

`ended` is told after the commit, in the process that made the move. A process that dies in between tells nobody: who
depends on it looks from time to time, too. `compacting` is told before anything is done, and again until it is done.
"""

from django.dispatch import Signal

ended = Signal()  # a run has come to its final state; run_id: UUID
compacting = Signal()  # a final run's deltas will be replaced by a snapshot; run_id: UUID. A failure defers that
