"""A CycloneDX document of what is in an image: its figures, its schema, and what makes it reproducible.

Of one image the document is always the same: its time is that of the image, or SOURCE_DATE_EPOCH
(https://reproducible-builds.org/specs/source-date-epoch/), and its serial number comes from its content.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from optimus_ops.errors import MissingPrerequisite, Refused
from optimus_ops.images.built_images import BuiltImage

INSTALL = "elsewhere than in the locked environment: pip install 'cyclonedx-python-lib[json-validation]'"
EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"


@dataclass(frozen=True)
class Sbom:
    """A document: the packages of an image."""

    built: BuiltImage
    document: Mapping[str, Any]

    @property
    def file(self) -> str:
        """The name of its file (https://cyclonedx.org/specification/overview/, recognized file patterns)."""
        return f"{self.built.service}.cdx.json"

    @property
    def text(self) -> str:
        """The document as it is written."""
        return json.dumps(self.document, indent=1, ensure_ascii=False) + "\n"

    @property
    def packages(self) -> Mapping[str, int]:
        """Type of package URL ("deb", "pypi") -> how many there are."""
        return dict(sorted(Counter(_type(component) for component in self._packaged).items()))

    @property
    def unlicensed(self) -> int:
        """How many packages have no licence in the document, because the image doesn't say it."""
        return sum(not component.get("licenses") for component in self._packaged)

    @property
    def _packaged(self) -> list[Mapping[str, Any]]:
        return [component for component in self.document.get("components", []) if component.get("purl")]

    def as_json(self, folder: Path) -> dict[str, Any]:
        """Return what `--json` says of it."""
        return {
            "service": self.built.service,
            "image": self.built.name,
            "id": self.built.image.id,
            "path": str(folder / self.file),
            "sha256": sha256(self.text.encode()).hexdigest(),
            "packages": dict(self.packages),
            "without_licence": self.unlicensed,
        }


def reproducible(document: Mapping[str, Any], when: datetime) -> dict[str, Any]:
    """Return a CycloneDX document with a given time, and a serial number that depends on its content alone."""
    metadata = {**document.get("metadata", {}), "timestamp": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    made = {**document, "metadata": metadata, "serialNumber": ""}
    content = sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
    return {**made, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}"}


def invalid(text: str) -> str:
    """Return what is wrong with a CycloneDX document by its schema; "" if nothing is."""
    try:
        from cyclonedx.exception import MissingOptionalDependencyException  # noqa: PLC0415 - slow to import
        from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
        from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415
    except ImportError as error:
        raise MissingPrerequisite("the validator of CycloneDX documents is missing", INSTALL) from error
    version = str(json.loads(text).get("specVersion"))
    try:
        found = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(text)
    except ValueError:
        return f"version {version} is unknown"
    except MissingOptionalDependencyException as error:
        raise MissingPrerequisite("the validator of CycloneDX documents is missing", INSTALL) from error
    return str(found).splitlines()[0] if found else ""


def epoch(environ: Mapping[str, str]) -> datetime | None:
    """Return the time that SOURCE_DATE_EPOCH (seconds since 1970) names; None without one."""
    text = environ.get(EPOCH_VARIABLE, "")
    try:
        return datetime.fromtimestamp(int(text), UTC) if text else None
    except (ValueError, OverflowError, OSError) as error:
        raise Refused(f"{EPOCH_VARIABLE}={text}: whole seconds since 1970 are wanted") from error


def _type(component: Mapping[str, Any]) -> str:
    return str(component["purl"]).partition(":")[2].partition("/")[0]
