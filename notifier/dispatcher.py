"""Send what is due, to every webhook by itself: one that hangs or fails delays no other.

A webhook has at most a few deliveries in flight, of different users, so that one user's go out in
the ledger's order as long as they succeed. What is in flight is known to this process alone: one
notifier sends at a time (`notifier.leader`), and a killed one leaves its rows pending.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from broker.failpoints import reach
from notifier import deliveries, metrics, retry
from notifier.deliveries import OUTAGES, Pending, Result
from notifier.retry import Outcome
from notifier.webhooks import Messenger
from projections.database import Database

IN_FLIGHT_MAX: Final = 4
# What is enqueued here is sent at once: this is for retries, which are due after minutes, and for
# those that a person asks for.
POLL_S: Final = 1.0
RECOVERY_PAUSE_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WebhookQueue:
    """The workers of one webhook and what they are sending."""

    workers: int = 0
    # Delivery id -> user.
    taken: dict[str, str] = field(default_factory=dict)
    # Held while the next is chosen, so that two workers never choose the same.
    choosing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Dispatcher:
    """Sends deliveries as they fall due for as long as `run` runs."""

    def __init__(
        self,
        database: Database,
        messenger: Messenger,
        *,
        schedule: Sequence[float],
        clock: Callable[[], datetime],
    ) -> None:
        """Retry by `schedule`: seconds before each retry."""
        self._database = database
        self._messenger = messenger
        self._schedule = tuple(schedule)
        self._clock = clock
        self._queues: dict[UUID, WebhookQueue] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look for what is due at once: something was enqueued."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; an outage of Postgres is waited out, requests in flight go on."""
        async with asyncio.TaskGroup() as workers:
            while True:
                # Cleared before the look, so that what is enqueued during it is not overlooked.
                self._wake.clear()
                try:
                    await self._dispatch(workers)
                except OUTAGES as error:
                    log.warning("dispatcher.waits", error=str(error))
                    await asyncio.sleep(RECOVERY_PAUSE_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._wake.wait()

    async def idle(self) -> bool:
        """Tell whether nothing is in flight and nothing due; retries may be due later."""
        if any(it.workers for it in self._queues.values()):
            return False
        async with self._database.connection() as connection:
            return not await deliveries.due(connection, self._clock())

    async def _dispatch(self, workers: asyncio.TaskGroup) -> None:
        async with self._database.connection() as connection:
            due = await deliveries.due(connection, self._clock())
        # Of webhooks without work nothing need be remembered.
        self._queues = {key: it for key, it in self._queues.items() if it.workers}
        for webhook_id in due:
            queue = self._queues.setdefault(webhook_id, WebhookQueue())
            while queue.workers < IN_FLIGHT_MAX:
                queue.workers += 1
                workers.create_task(self._work(webhook_id, queue))

    async def _work(self, webhook_id: UUID, queue: WebhookQueue) -> None:
        """Send one after the other until nothing is left that another worker is not sending."""
        try:
            while (pending := await self._choose(webhook_id, queue)) is not None:
                try:
                    outcome = await self._messenger.send(
                        pending.url, pending.secret, pending.id, pending.body
                    )
                    reach("dispatcher.sent")
                    await self._conclude(webhook_id, pending, outcome)
                finally:
                    del queue.taken[pending.id]
        except OUTAGES as error:
            log.warning("delivery.waits", error=str(error))
        finally:
            queue.workers -= 1

    async def _choose(self, webhook_id: UUID, queue: WebhookQueue) -> Pending | None:
        async with queue.choosing, self._database.connection() as connection:
            pending = await deliveries.next_pending(
                connection, webhook_id, self._clock(), queue.taken
            )
            if pending is not None:
                queue.taken[pending.id] = pending.user_id
            return pending

    async def _conclude(self, webhook_id: UUID, pending: Pending, outcome: Outcome) -> None:
        now = self._clock()
        attempt = pending.attempts + 1
        found = retry.after(attempt, outcome, now, self._schedule)
        said = {"webhook": str(webhook_id), "delivery": pending.id, "attempt": attempt}
        match found:
            case retry.Delivered():
                result = Result("delivered", None, now, now)
                log.debug("delivery.made", **said)
            case retry.TryAgain(at):
                result = Result("pending", outcome.error, at, None)
                log.info("delivery.failed", error=outcome.error, at=at, **said)
            case retry.GiveUp():
                result = Result("failed", outcome.error, now, now)
                metrics.GIVEN_UP.labels(str(webhook_id)).inc()
                log.warning("delivery.given_up", error=outcome.error, **said)
        metrics.ATTEMPTS.labels(str(webhook_id), _label(outcome)).inc()
        await self._record(webhook_id, pending, result)

    async def _record(self, webhook_id: UUID, pending: Pending, result: Result) -> None:
        """Store it, however long the database is away: what was sent is not to be sent again."""
        while True:
            try:
                async with self._database.connection() as connection:
                    await deliveries.record(connection, webhook_id, pending, result)
            except OUTAGES as error:
                log.warning("delivery.outcome_waits", error=str(error))
                await asyncio.sleep(RECOVERY_PAUSE_S)
            else:
                return


def _label(outcome: Outcome) -> str:
    if outcome.success:
        return "delivered"
    return "unanswered" if outcome.status is None else "rejected"
