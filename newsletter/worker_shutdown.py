"""Whether this worker was asked to stop: long tasks check between two calls.

The flag lies in memory shared with the processes that a worker forks: only the leader gets the signal.
"""

import ctypes
import mmap

_flag = ctypes.c_bool.from_buffer(mmap.mmap(-1, 1))


def request_stop() -> None:
    _flag.value = True


def is_requested() -> bool:
    return _flag.value
