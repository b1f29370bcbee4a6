"""`cached` around `async def`: tasks, event loops, cancellation."""

from __future__ import annotations

import asyncio
import inspect
import threading

import pytest

import plugcache as pc


def test_behaviour_8_many_tasks_compute_one_result_once() -> None:
    calls = []

    @pc.cached
    async def slow(key: str) -> list[str]:
        calls.append(key)
        await asyncio.sleep(0.01)
        return [key]

    async def main() -> list[list[str]]:
        return list(await asyncio.gather(*(slow("ab"[number % 2]) for number in range(20))))

    assert inspect.iscoroutinefunction(slow)
    results = asyncio.run(main())
    assert sorted(calls) == ["a", "b"]
    assert results == [["a"], ["b"]] * 10
    results[0].append("spoilt")
    # Another event loop, and the same results.
    assert asyncio.run(main())[0] == ["a"]
    assert sorted(calls) == ["a", "b"]
    assert slow.cache_info().loads == 2


def test_tasks_that_fail_or_are_cancelled_leave_the_others_be() -> None:
    calls: list[str] = []

    async def main() -> None:
        started = asyncio.Event()
        go = asyncio.Event()

        @pc.cached
        async def slow(key: str) -> str:
            calls.append(key)
            started.set()
            try:
                await go.wait()
            except asyncio.CancelledError:
                calls.append("cancelled")
                raise
            if key == "fails":
                raise ValueError(key)
            return key

        leader = asyncio.create_task(slow("a"))
        await started.wait()
        follower = asyncio.create_task(slow("a"))
        other = asyncio.create_task(slow("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        other.cancel()
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        with pytest.raises(asyncio.CancelledError):
            await other
        go.set()
        assert await asyncio.wait_for(follower, 20) == "a"
        assert calls == ["a", "cancelled", "a"]
        failing = await asyncio.gather(*(slow("fails") for _ in range(3)), return_exceptions=True)
        assert [str(error) for error in failing] == ["fails"] * 3
        with pytest.raises(asyncio.TimeoutError):
            go.clear()
            await asyncio.wait_for(slow("late"), 0.01)
        go.set()
        assert await slow("late") == "late"

    asyncio.run(main())


def test_threads_with_event_loops_share_one_computation() -> None:
    calls = []

    @pc.cached
    async def slow(key: str) -> str:
        calls.append(key)
        await asyncio.sleep(0.05)
        return key

    barrier = threading.Barrier(6)
    results: list[str] = []

    def loop() -> None:
        async def main() -> str:
            barrier.wait(20)
            return await slow("a")

        results.append(asyncio.run(main()))

    threads = [threading.Thread(target=loop) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == ["a"] * 6
    assert calls == ["a"]
