"""The admin's view of runs (read-only, with Stop and Retry), of workers, and of the models there are to choose from."""

from runs.admin import providers, runs, workers  # noqa: F401  (each registers its pages)
