"""What the caller is told when a message was not queued."""

import math

from backend_orchestrator.intake import (
    QueueFullError,
    QueueUnavailableError,
    RateExceededError,
    RefusedError,
    TenantQueueFullError,
)
from optimus_kit.errors import ApiError

_ANSWERS: dict[type[RefusedError], tuple[int, str]] = {
    RateExceededError: (429, "rate_limit_exceeded"),
    TenantQueueFullError: (429, "tenant_queue_full"),
    QueueFullError: (503, "queue_full"),
    QueueUnavailableError: (503, "unavailable"),
}


def refused(error: RefusedError) -> ApiError:
    """429 where it is the tenant's own limit, 503 where it is everybody's; Retry-After in whole seconds."""
    status, code = _ANSWERS.get(type(error), (503, "unavailable"))
    return ApiError(status, str(error), code=code, headers={"Retry-After": str(max(1, math.ceil(error.retry_after)))})
