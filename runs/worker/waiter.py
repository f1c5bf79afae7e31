"""An event that a Celery task waits for and another native thread sets. A Stop can interrupt the wait."""

import threading

from streams.gevent_compat import is_gevent


class Waiter:
    """One thread or greenlet waits, another thread notifies. Revoke interrupts the wait on gevent and on prefork."""

    def __init__(self) -> None:
        if not is_gevent():
            self._event, self._watcher = threading.Event(), None
        else:
            from gevent import get_hub
            from gevent.event import Event

            self._event = Event()  # threading.Event consists of five objects: 2 KB more for each run
            self._watcher = get_hub().loop.async_()  # the only object of gevent that another native thread may use
            self._watcher.start(self._event.set)

    def notify(self) -> None:
        """Wake the waiting side. From any thread."""
        if self._watcher is None:
            self._event.set()
        else:
            self._watcher.send()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for `notify`, up to `timeout` s. Returns whether it was called."""
        return self._event.wait(timeout)

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
