"""Moments in the life of runs that others may want to hear of, as Django's signals.

Told after the commit, in the process that made the move. A process that dies in between tells nobody: who depends on
a moment looks from time to time, too.
"""

from django.dispatch import Signal

ended = Signal()  # a run has come to its final state; run_id: UUID
