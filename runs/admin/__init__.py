"""The admin of runs (read-only, with Stop and Retry), workers, providers and models."""

from runs.admin import providers, runs, workers  # noqa: F401  (each registers its pages)
