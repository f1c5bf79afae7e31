"""The Celery worker: the engine that streams runs, its lease, its signal handlers, how it starts and shuts down."""
