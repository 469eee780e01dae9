"""Whether this worker was asked to stop: what runs long looks here between two calls.

The flag is shared with the processes that a worker forks, since only their leader hears of it.
"""

import ctypes
import mmap

_flag = ctypes.c_bool.from_buffer(mmap.mmap(-1, 1))


def request_stop() -> None:
    _flag.value = True


def is_requested() -> bool:
    return _flag.value
