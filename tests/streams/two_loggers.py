"""A process of its own (`python -m tests.streams.two_loggers`): greenlets and a native loop log at the same time.

Ends with 0 when all lines are written, with 1 and the stacks when that does not happen.
"""

from gevent import monkey

monkey.patch_all()

import faulthandler  # noqa: E402
import io  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402

import gevent  # noqa: E402

from streams.eventloop import LoopThread  # noqa: E402

LINES = 20_000  # of each of the two
GREENLETS = 20
GIVE_UP_SECONDS = 60

faulthandler.dump_traceback_later(GIVE_UP_SECONDS, exit=True)
logging.basicConfig(stream=io.StringIO(), level=logging.INFO)
logger, thread, done = logging.getLogger(__name__), LoopThread(), []


async def from_the_loop() -> None:
    for number in range(LINES):
        logger.info("native %d", number)
    done.append("native")


def from_a_greenlet() -> None:
    for number in range(LINES // GREENLETS):
        logger.info("green %d", number)
        gevent.sleep(0)


thread.call(lambda: thread.spawn(from_the_loop()))
gevent.joinall([gevent.spawn(from_a_greenlet) for _ in range(GREENLETS)])
while not done:
    gevent.sleep(0.01)
os._exit(0)
