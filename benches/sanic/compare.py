#!/usr/bin/env python3
"""The workloads W1 to W5 on the task registry of real Sanic, without a server.

    pip install sanic
    python benches/sanic/compare.py [--n 1000,10000] [--rounds 9] [--json]

The floor is `asyncio.create_task`. Prints medians per operation and what they are divided by the floor's; with --json one object a line,
with `runtime`, `workload`, `n`, `contender`, `median_ns` and `ratio_to_bare` of those that `compare --json` prints.
"""

import argparse
import asyncio
import json
import logging
import statistics
import sys
import time

try:
    import sanic
except ImportError:
    print("skipped: Sanic is not installed (pip install sanic)", file=sys.stderr)
    sys.exit(0)


def name(number):
    return f"receiver:{number}"


async def ready(number):
    return number


async def idle():
    await asyncio.Event().wait()


class Bare:
    """asyncio itself: the caller has the tasks, nothing is found by name."""

    label = "bare"
    names = False

    def spawn(self, number, coroutine):
        name(number)
        return asyncio.create_task(coroutine)

    async def cancel(self, number, task):
        name(number)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    def purge(self):
        pass

    def known(self):
        return 0


class Registry:
    """Sanic's."""

    label = "sanic"
    names = True
    made = 0

    def __init__(self):
        Registry.made += 1
        self.app = sanic.Sanic(f"bench{Registry.made}", configure_logging=False)

    def spawn(self, number, coroutine):
        return self.app.add_task(coroutine, name=name(number))

    async def cancel(self, number, task):
        # It waits until the task has stopped, and swallows the CancelledError.
        await self.app.cancel_task(name(number))
        assert task.done()

    def lookup(self, number):
        return not self.app.get_task(name(number)).done()

    def purge(self):
        self.app.purge_tasks()

    def known(self):
        return len(list(self.app.tasks))


async def w1(one, n):
    start = time.perf_counter()
    tasks = [one.spawn(number, ready(number)) for number in range(n)]
    total = 0
    for task in tasks:
        total += await task
    one.purge()
    took = time.perf_counter() - start
    assert total == n * (n - 1) // 2 and one.known() == 0
    return {"W1": (took, n)}


async def w2(one, n):
    start = time.perf_counter()
    tasks = [one.spawn(number, idle()) for number in range(n)]
    spawned = time.perf_counter() - start
    await asyncio.sleep(0)
    start = time.perf_counter()
    for number, task in enumerate(tasks):
        await one.cancel(number, task)
    one.purge()
    cancelled = time.perf_counter() - start
    assert all(task.cancelled() for task in tasks) and one.known() == 0
    return {"W2a": (spawned, n), "W2b": (cancelled, n)}


async def among(one, n, work):
    """Does the work while n tasks live."""
    tasks = [one.spawn(number, idle()) for number in range(n)]
    await asyncio.sleep(0)
    result = await work(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    one.purge()
    assert one.known() == 0
    return result


async def w3(one, n):
    async def work(_):
        lookups, number, running = 1000, 0, 0
        start = time.perf_counter()
        for _ in range(lookups):
            number = (number + 7_368_787) % n
            running += one.lookup(number)
        took = time.perf_counter() - start
        assert running == lookups
        return {"W3": (took, lookups)}

    return await among(one, n, work) if one.names else {}


async def w4(one, n):
    async def work(_):
        ended = [one.spawn(n + number, ready(number)) for number in range(10)]
        await asyncio.gather(*ended)
        start = time.perf_counter()
        one.purge()
        took = time.perf_counter() - start
        assert one.known() == n
        return {"W4": (took, 1)}

    return await among(one, n, work) if one.names else {}


async def w5(one, n):
    async def work(tasks):
        steps = 200
        start = time.perf_counter()
        for step in range(steps):
            tasks.append(one.spawn(n + step, idle()))
            await one.cancel(step, tasks[step])
        # Sanic forgets what has ended only here.
        one.purge()
        took = time.perf_counter() - start
        return {"W5": (took, steps)}

    return await among(one, n, work)


WORKLOADS = [w1, w2, w3, w4, w5]


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", default="1000,10000")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    # It logs a line for each task that is cancelled: to nowhere, so that the terminal is not what is measured.
    logging.getLogger("sanic").setLevel(logging.CRITICAL)
    logging.getLogger("sanic.root").setLevel(logging.CRITICAL)
    # Without a server nobody tells the app which loop is its own.
    sanic.Sanic.loop = property(lambda _: asyncio.get_running_loop())
    for n in map(int, args.n.split(",")):
        for workload in WORKLOADS:
            readings = {}
            contenders = [Bare(), Registry()]
            for _ in range(args.rounds):
                for one in contenders:
                    for figure, (took, operations) in (await workload(one, n)).items():
                        nanos = took / operations * 1e9
                        readings.setdefault((figure, one.label), []).append(nanos)
            medians = {key: statistics.median(nanos) for key, nanos in readings.items()}
            for (figure, label), median in medians.items():
                floor = medians.get((figure, "bare"))
                ratio = median / floor if floor else None
                if args.json:
                    line = {
                        "runtime": "asyncio", "workload": figure, "n": n, "contender": label,
                        "median_ns": median, "ratio_to_bare": ratio,
                    }
                    print(json.dumps(line))
                else:
                    beside = f"{ratio:8.2f}" if ratio else "       -"
                    print(f"{figure:4} N = {n:<7} {label:6} {median:12.0f} ns {beside}")


asyncio.run(main())
