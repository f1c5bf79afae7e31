"""Waiting in a Celery task for something that happens in another native thread, so that a Stop can interrupt it."""

import threading

from streams.gevent_compat import is_gevent


class Waiter:
    """One thread (or greenlet) waits, another one notifies. Revoke interrupts the wait on gevent and on prefork."""

    def __init__(self) -> None:
        if not is_gevent():
            self._event, self._watcher = threading.Event(), None
        else:
            from gevent import get_hub
            from gevent.event import Event

            self._event = Event()  # threading's is made of five objects: 2 KB more a run
            self._watcher = get_hub().loop.async_()  # the only thing in gevent another native thread may touch
            self._watcher.start(self._event.set)

    def notify(self) -> None:
        """Wake the waiting side. From any thread."""
        if self._watcher is None:
            self._event.set()
        else:
            self._watcher.send()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for `notify`, up to `timeout` s. Returns whether it came."""
        return self._event.wait(timeout)

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
