"""Runs executed by real workers, on gevent and on prefork."""
