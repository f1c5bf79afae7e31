"""Runs carried by real workers, on gevent and on prefork."""
