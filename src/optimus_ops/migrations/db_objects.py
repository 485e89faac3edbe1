"""What a statement creates, and what it works on: a statement on what the same migration created harms nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from optimus_ops.migrations.sql import Node, Statement

# PostgreSQL keeps the names of one group apart from one another, whatever the kind. Functions are left out: an old one
# may have the name of a new one and other arguments.
GROUPS = {
    **dict.fromkeys(
        ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE"),
        "relation",
    ),
    **dict.fromkeys(("OBJECT_TYPE", "OBJECT_DOMAIN"), "type"),
    "OBJECT_SCHEMA": "schema",
}
# Named by their table, then by themselves.
PARTS_OF_A_TABLE = frozenset(
    {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_POLICY", "OBJECT_TRIGGER", "OBJECT_RULE"}
)
# Statement -> the group of what it creates, and the field with its name.
CREATED = {
    "CreateStmt": ("relation", "relation"),
    "CreateForeignTableStmt": ("relation", "relation"),
    "CreateTableAsStmt": ("relation", "rel"),
    "ViewStmt": ("relation", "view"),
    "IndexStmt": ("relation", "idxname"),
    "CreateSeqStmt": ("relation", "sequence"),
    "CreateSchemaStmt": ("schema", "schemaname"),
    "CompositeTypeStmt": ("type", "typevar"),
    "CreateEnumStmt": ("type", "typeName"),
    "CreateRangeStmt": ("type", "typeName"),
    "CreateDomainStmt": ("type", "domainname"),
}


@dataclass(frozen=True, slots=True)
class DbObject:
    """An object of the database: its group of names, and its name as it is written, schema first if there is one."""

    group: str
    name: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreatedObjects:
    """What the migration has created so far, none of which anybody uses yet."""

    objects: frozenset[DbObject] = frozenset()

    def after(self, statement: Statement) -> CreatedObjects:
        """Return what is created once a statement was run."""
        node = statement.node
        match statement.kind:
            case "TransactionStmt" if "ROLLBACK" in node["kind"]:
                return CreatedObjects()
            case "VariableSetStmt" | "SelectStmt" if _sets_search_path(node):
                # A name without a schema means something else from now on.
                return CreatedObjects(frozenset(found for found in self.objects if len(found.name) > 1))
            case "DropStmt":
                return CreatedObjects(self.objects - set(targets(statement)))
        created = created_by(statement)
        return self if created is None else CreatedObjects(self.objects | {created})

    def has(self, wanted: DbObject) -> bool:
        """Tell whether an object, or the schema it is in, was created."""
        return wanted in self.objects or DbObject("schema", wanted.name[:-1]) in self.objects

    def covers(self, statement: Statement) -> bool:
        """Tell whether a statement works on nothing but what was created."""
        found = targets(statement)
        return bool(found) and all(map(self.has, found))


def created_by(statement: Statement) -> DbObject | None:
    """Return what a statement creates; None for what may have been there: `OR REPLACE`, `IF NOT EXISTS`."""
    group, field = CREATED.get(statement.kind, ("", ""))
    node = {**statement.node, **statement.node.get("base", {}), **statement.node.get("into", {})}
    if field not in node or node.get("if_not_exists") or node.get("replace"):
        return None
    return DbObject(group, name_of(node[field]))


def targets(statement: Statement) -> tuple[DbObject, ...]:
    """Return what a statement works on; nothing if that can't be told."""
    return tuple(_targets(statement.node))


def _targets(node: Node) -> Iterator[DbObject]:
    if "withClause" in node or node.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        # Works on further tables.
        return
    words = ("removeType", "renameType", "objectType", "objtype")
    kind = next((node[word] for word in words if word in node), "OBJECT_TABLE")
    own_name = -1 if kind in PARTS_OF_A_TABLE else None
    group = "relation" if own_name else GROUPS.get(kind)
    if group is None:
        return
    for field in ("relation", "view", "table", "sequence", "object", *(["subname"] if group == "schema" else [])):
        if field in node:
            yield DbObject(group, name_of(node[field]))
    for found in (*node.get("objects", ()), *node.get("relations", ())):
        yield DbObject(group, name_of(found)[:own_name])
    for command in node.get("cmds", ()):
        if partition := command["AlterTableCmd"].get("def", {}).get("PartitionCmd"):
            yield DbObject(group, name_of(partition["name"]))
    if isinstance(node.get("typeName"), list):
        yield DbObject("type", name_of(node["typeName"]))


def name_of(node: Any) -> tuple[str, ...]:
    """Return the name in a node of any type that has one, schema first."""
    match node:
        case str():
            return (node,)
        case {"relname": _}:
            return tuple(node[part] for part in ("catalogname", "schemaname", "relname") if part in node)
        case list():
            return tuple(part for inner in node for part in name_of(inner))
        case dict():
            return name_of(list(node.values()))
        case _:
            return ()


def _sets_search_path(node: Node) -> bool:
    return node.get("name") == "search_path" or node.get("kind") == "VAR_RESET_ALL" or "set_config" in str(node)
