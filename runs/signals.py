"""Django signals of runs.

`ended` is sent after the commit, in the process that made the move. A process that dies in between sends nothing, so a
receiver that must not miss an end also polls. `compacting` is sent before anything is done, and again until it is done.
"""

from django.dispatch import Signal

ended = Signal()  # a run has reached its final state; run_id: UUID
compacting = Signal()  # a final run's deltas will be replaced by a snapshot; run_id: UUID. An exception defers that
