"""A module for a worker (`-I tests.worker.hanging_late`) that hangs while its interpreter is finalized."""

import time


class Late:
    def __del__(self, sleep=time.sleep):
        sleep(1000)


late = Late()
