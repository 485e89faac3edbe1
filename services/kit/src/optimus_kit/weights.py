"""Tenants' weights: the part that each has of what is scarce."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Weights:
    """Weights of the tenants that there are; another one has the weight 1."""

    by_tenant: Mapping[str, int] = field(default_factory=dict)

    def of(self, tenant: str) -> int:
        """Return a tenant's weight."""
        return self.by_tenant.get(tenant, 1)

    @cached_property
    def total(self) -> int:
        """The sum of all."""
        return max(1, sum(self.by_tenant.values()))

    def share(self, tenant: str, places: int) -> int:
        """Return how many of the places are kept free for a tenant: half of them by weight, and at least one."""
        return max(1, places * self.of(tenant) // (2 * self.total))

    def shares(self, places: int) -> int:
        """Return the sum of the tenants' shares."""
        known = self._sums.get(places)
        if known is None:
            known = self._sums[places] = sum(self.share(tenant, places) for tenant in self.by_tenant)
        return known

    @cached_property
    def _sums(self) -> dict[int, int]:
        return {}
