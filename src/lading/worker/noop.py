"""
The kind `noop`: does nothing for a while, then completes, fails or asks for a rest, as its payload says.

For drills, benchmarks and runs.  `jobs.kinds.check_noop` says what a payload may hold.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final

from lading.errors import InvalidInput, SourceThrottled
from lading.jobs.kinds import check_noop
from lading.jobs.model import Context, Dead, Done, Fault, Job, Outcome, Retry

_DONE: Final = Done()


class Noop:
    """Runs jobs of kind `noop` (jobs.model.Handler)."""

    is_light: ClassVar[bool] = True

    async def run(self, job: Job, context: Context) -> Outcome:
        """Do nothing for `seconds`, then what the payload says."""
        payload = job.payload
        if not payload:
            return _DONE
        try:
            check_noop(payload)
        except InvalidInput as error:
            return Dead(Fault(error.code, error.message))
        if payload.get("seconds"):
            await asyncio.sleep(payload["seconds"])
        if "throttled_seconds" in payload and job.failures == 0 and context.fence.attempt == 1:
            raise SourceThrottled("The drill's source asks for a rest.", float(payload["throttled_seconds"]))
        if "fail" in payload and job.failures < payload.get("fails", job.failures + 1):
            return Retry(Fault(payload["fail"], "The drill was told to fail."))
        return _DONE
