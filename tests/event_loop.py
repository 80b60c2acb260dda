"""What happens in an event loop, waited for."""

import asyncio
import time


async def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


def in_the_background(make, until, act=lambda lab: None):
    """A lab that trains in an event loop until a condition holds; then something is done, and it comes to rest."""

    async def scenario():
        lab = make()
        lab.running = True
        await wait_until(lambda: until(lab))
        act(lab)
        await wait_until(lambda: lab._task.done())
        return lab

    return asyncio.run(scenario())
