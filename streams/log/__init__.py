"""The append-only log of events, which is the truth: the store, the batch writers, compaction."""
