"""Room for Python's frames, without which templates render at half the speed."""

from collections.abc import Callable
from typing import Any

# 160 kB; Python allocates the next power of two, 256 kB a thread, of which the rest is for the frames of the callees.
STACK_SLOTS = 20_000


def with_frame_room(app: Callable[..., Any]) -> Callable[..., Any]:
    """Return `app`, called from a frame that declares a large stack.

    CPython keeps frames in blocks of 16 kB. A call across the end of a block allocates the next one, and its return
    frees it: where the end falls into the loops of the template engine, every node pays for two system calls. A large
    frame makes Python allocate one large block, which holds all frames of a request.
    """

    def call(*args: Any) -> Any:
        return app(*args)

    call.__code__ = call.__code__.replace(co_stacksize=STACK_SLOTS)
    return call
