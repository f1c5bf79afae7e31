"""The append-only log of events, which is the truth: the store, the batch logs of both databases, compaction."""
