"""Services of a Compose file as they are meant: with what they extend, and an overlay's on top of its base.

Sources: https://github.com/compose-spec/compose-spec/blob/main/13-merge.md (merging), 05-services.md (`extends`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from optimus_ops.guardrails.yaml_files import YamlFiles
from optimus_ops.project.compose_files import BASES
from optimus_ops.project.yaml_nodes import Node
from optimus_ops.reports.place import Place

REPLACED = frozenset({"command", "entrypoint", "test"})
"""Lists that take the place of what was there; all others are joined."""


@dataclass(frozen=True)
class ComposeService:
    """A service of a file, merged.

    Args:
        place: where the file has its name.
        keys: its settings, each with the place that it comes from.
        complete: whether it has an image; else it only adds to a service of a file that isn't known.
        job: whether it ends by itself.
    """

    name: str
    place: Place
    keys: Mapping[str, Node]
    complete: bool
    job: bool = False

    def at(self, *path: str) -> Node | None:
        """Return a setting, such as `at("deploy", "resources")`; None if there is none."""
        node: Node | None = Node(self.keys, self.place)
        for name in path:
            node = node.value.get(name) if node is not None and isinstance(node.value, Mapping) else None
        return None if node is None or node.value is None else node

    def items(self, *path: str) -> tuple[Node, ...]:
        """Return the items of a list, or a single one."""
        node = self.at(*path)
        if node is None:
            return ()
        return tuple(node.value) if isinstance(node.value, list) else (node,)


def services_of(path: str, files: YamlFiles) -> Iterator[ComposeService]:
    """Give the services of a file; those that only its base has are not among them.

    Raises:
        YamlError: a file is no YAML, or extends what isn't there.
    """
    base = next((name for name in base_candidates(path) if name in files.files), "")
    below = _services(base, files) if base else {}
    own = _services(path, files)
    places = own_places(path, files)
    jobs = set(_awaited([*own.values(), *below.values()]))
    for name in own:
        merged = _extended(path, name, files, ())
        if name in below:
            merged = merge(_extended(base, name, files, ()), merged)
        keys = merged.value if isinstance(merged.value, Mapping) else {}
        complete = any(keys.get(key) is not None and keys[key].value is not None for key in ("image", "build"))
        restart = keys["restart"].value if "restart" in keys else None
        ends = name in jobs or restart in ("no", False)
        yield ComposeService(name, places.get(name, own[name].place), keys, complete, ends)


def base_candidates(path: str) -> tuple[str, ...]:
    """Return the names that the base of an overlay may have: it is in the same folder."""
    folder, name = posixpath.split(path)
    return () if name in BASES else tuple(posixpath.join(folder, base) for base in BASES)


def own_places(path: str, files: YamlFiles) -> Mapping[str, Place]:
    """Return where a file has the names of its services."""
    root = files.node(path)
    found = root.value.get("services") if root is not None and isinstance(root.value, Mapping) else None
    return found.key_places if found is not None else {}


def _services(path: str, files: YamlFiles) -> dict[str, Node]:
    root = files.node(path)
    if root is None or root.value is None:
        return {}
    found = root.get("services")
    if found is None or found.value is None:
        return {}
    return dict(found.items())


def _extended(path: str, name: str, files: YamlFiles, seen: tuple[tuple[str, str], ...]) -> Node:
    """Return a service of a file with what it extends."""
    node = _services(path, files)[name]
    if not isinstance(node.value, Mapping) or "extends" not in node.value:
        return node
    wanted = node.value["extends"]
    if (path, name) in seen:
        raise wanted.error(f"{name} extends itself")
    fields = wanted.scalars() if isinstance(wanted.value, Mapping) else {"service": wanted.text()}
    file, service = fields.get("file", ""), fields.get("service", "")
    other = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
    if other not in files.files or service not in _services(other, files):
        raise wanted.error(f"{name} extends {service} of {other}, which is not there")
    own = replace(node, value={key: value for key, value in node.value.items() if key != "extends"})
    return merge(_extended(other, service, files, (*seen, (path, name))), own)


def merge(below: Node, above: Node, key: str = "") -> Node:
    """Return a value with what an overlay or an extending service says of it."""
    if above.tag == "!reset":
        return replace(above, value=None)
    if above.tag == "!override" or above.value is None:
        return above if above.tag else below
    if isinstance(below.value, Mapping) and isinstance(above.value, Mapping):
        merged = {
            name: merge(below.value[name], value, name) if name in below.value else value
            for name, value in above.value.items()
        }
        places = {**below.key_places, **above.key_places}
        return replace(above, value={**below.value, **merged}, key_places=places)
    if isinstance(below.value, list) and isinstance(above.value, list) and key not in REPLACED:
        return replace(above, value=[*below.value, *above.value])
    return above


def _awaited(services: list[Node]) -> Iterator[str]:
    """Give the services that others wait for to end."""
    for service in services:
        needed = service.value.get("depends_on") if isinstance(service.value, Mapping) else None
        if needed is not None and isinstance(needed.value, Mapping):
            for name, how in needed.value.items():
                if how.scalars().get("condition") == "service_completed_successfully":
                    yield name
