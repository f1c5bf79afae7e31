"""Upkeep: retention of logs and rows, integrity checks, counters of each process."""
