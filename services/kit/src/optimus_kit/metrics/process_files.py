"""What all processes of a replica counted, from the files that they share."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector


class ProcessFiles(Collector):
    """See the module.

    The file of a process that is just making it, or was killed meanwhile, is empty, which the library's own collector
    can't read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Return the metrics, summed up."""
        merge = MultiProcessCollector.merge
        metrics: Iterable[Metric] = merge(list(self._begun()), accumulate=True)  # type: ignore[no-untyped-call]
        return metrics

    def _begun(self) -> Iterator[str]:
        for file in self._folder.glob("*.db"):
            try:
                if file.stat().st_size:
                    yield str(file)
            except FileNotFoundError:
                # Of a process that has just ended.
                continue
