"""Statements that squawk says nothing about, and those that are known to be harmless: what is neither is not judged."""

from __future__ import annotations

from collections.abc import Iterator

from optimus_ops.migrations.db_objects import CreatedObjects, DbObject, name_of
from optimus_ops.migrations.sql import Node, Statement

# Harmless unless a rule says otherwise.
HARMLESS = frozenset(
    {
        *("VariableSetStmt", "VariableShowStmt", "ConstraintsSetStmt"),
        *("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"),
        *("CommentStmt", "AlterDefaultPrivilegesStmt", "VacuumStmt"),
        *("CreateStmt", "CreateForeignTableStmt", "CreateTableAsStmt", "ViewStmt", "IndexStmt", "CreateSeqStmt"),
        *("CreateSchemaStmt", "CreateFunctionStmt", "CreateExtensionStmt", "CreateRoleStmt", "CreateStatsStmt"),
        *("CreatePublicationStmt", "CreateForeignServerStmt", "CreateUserMappingStmt"),
        *("CompositeTypeStmt", "CreateEnumStmt", "CreateRangeStmt", "CreateDomainStmt", "AlterEnumStmt"),
    }
)
HARMLESS_CLAUSES = frozenset(
    {
        *("AT_AddColumn", "AT_AddConstraint", "AT_ValidateConstraint", "AT_AttachPartition"),
        *("AT_ClusterOn", "AT_DropCluster", "AT_ReplicaIdentity", "AT_SetRelOptions", "AT_ResetRelOptions"),
        *("AT_SetStatistics", "AT_SetStorage", "AT_SetCompression", "AT_SetOptions", "AT_ResetOptions"),
    }
)
REWRITING = frozenset({"AT_SetTableSpace", "AT_SetLogged", "AT_SetUnLogged", "AT_SetAccessMethod"})
TRIGGERS = frozenset({"CreateTrigStmt", "RuleStmt", "CreateEventTrigStmt"})
# A column of these gets a number in every row that is there.
SERIALS = frozenset({"smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"})


def broken(statement: Statement, created: CreatedObjects) -> Iterator[str]:
    """Yield the rules, "unjudged" aside, that a statement breaks on what was there before the migration."""
    node = statement.node
    match statement.kind:
        case "TruncateStmt":
            yield "whole-table-write"
        case "UpdateStmt" | "DeleteStmt" | "SelectStmt" | "InsertStmt" if _writes_everywhere({statement.kind: node}):
            yield "whole-table-write"
        case "ClusterStmt":
            yield "table-rewrite"
        case "VacuumStmt" if has_option(node, "options", "full"):
            yield "table-rewrite"
        case "LockStmt":
            yield "blocking-lock"
        case "RefreshMatViewStmt" if not node.get("concurrent"):
            yield "blocking-lock"
        case kind if kind in TRIGGERS:
            yield "new-trigger"
        case "AlterTableStmt" if node["objtype"] == "OBJECT_TABLE":
            for clause in clauses(statement):
                yield from _broken_by_clause(clause, created)


def excused(statement: Statement) -> frozenset[str]:
    """Return those of squawk's rules that a statement only seems to break."""
    if statement.kind == "IndexStmt" and not statement.node["relation"].get("inh"):
        # ON ONLY a partitioned table it builds nothing: it is complete once the partitions' indexes are attached.
        return frozenset({"require-concurrent-index-creation"})
    return frozenset()


def harmless(statement: Statement) -> bool:
    """Tell whether a statement of this form harms nobody, as long as it breaks no rule."""
    node = statement.node
    match statement.kind:
        case "TransactionStmt":
            return "PREPARE" not in node["kind"]
        case "GrantStmt" | "GrantRoleStmt":
            return bool(node.get("is_grant"))
        case "DefineStmt":
            return node["kind"] in {"OBJECT_AGGREGATE", "OBJECT_TYPE", "OBJECT_COLLATION"}
        case "AlterTableStmt" if node["objtype"] == "OBJECT_TABLE":
            return all(map(_harmless_clause, clauses(statement)))
        case "AlterTableStmt" if node["objtype"] == "OBJECT_INDEX":
            return all(clause["subtype"] == "AT_AttachPartition" for clause in clauses(statement))
        case "RefreshMatViewStmt":
            return bool(node.get("concurrent"))
        case "ReindexStmt":
            return has_option(node, "params", "concurrently")
        case kind:
            return kind in HARMLESS


def clauses(statement: Statement) -> tuple[Node, ...]:
    """Return the clauses of an `ALTER TABLE`."""
    return tuple(command["AlterTableCmd"] for command in statement.node["cmds"])


def has_option(node: Node, field: str, name: str) -> bool:
    """Tell whether an option, `VACUUM FULL`, is given."""
    return any(option["DefElem"]["defname"] == name for option in node.get(field, ()))


def _broken_by_clause(clause: Node, created: CreatedObjects) -> Iterator[str]:
    definition = clause.get("def", {})
    match clause["subtype"]:
        case kind if kind in REWRITING:
            yield "table-rewrite"
        case "AT_AttachPartition":
            if not created.has(DbObject("relation", name_of(definition["PartitionCmd"]["name"]))):
                yield "blocking-lock"
        case "AT_AddColumn":
            column = definition["ColumnDef"]
            constraints = column.get("constraints", ())
            if any(constraint["Constraint"]["contype"] == "CONSTR_CHECK" for constraint in constraints):
                yield "checked-column"
            if SERIALS & set(name_of(column["typeName"])):
                yield "table-rewrite"


def _harmless_clause(clause: Node) -> bool:
    # Without a definition it drops the default.
    return clause["subtype"] in HARMLESS_CLAUSES or (clause["subtype"] == "AT_ColumnDefault" and "def" in clause)


def _writes_everywhere(tree: Node) -> bool:
    """Tell whether an UPDATE or DELETE, the statement itself or one in a WITH, names no rows."""
    left: list[object] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, list):
            left += node
        elif isinstance(node, dict):
            if any(word in node and "whereClause" not in node[word] for word in ("UpdateStmt", "DeleteStmt")):
                return True
            left += node.values()
    return False
