"""Documents: their text, read in a process of its own, and what of it a model gets."""
