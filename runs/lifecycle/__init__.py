"""Every move of a run between its states: enqueue, claim, stop, end, redispatch. Nothing else writes a run's status."""
