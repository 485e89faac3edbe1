"""What a migration must not do while the running version serves, why, and what to do instead.

squawk's rules keep their names, under which its documentation has examples: https://squawkhq.com/docs/rules
"""

from __future__ import annotations

from typing import NamedTuple

LATER = "leave it until no running version uses it, and remove it with a later deploy"
BESIDE = "make the new one beside the old one, under a name of its own"
LATER_ALONE = "do it when no version that expects the old behaviour runs any more"
NOT_VALID = "add it NOT VALID, and VALIDATE CONSTRAINT in a later step with a transaction of its own"
OUTSIDE = "do it outside of a deploy, at a quiet hour"


class Rule(NamedTuple):
    """What breaking a rule does to the running version, and what to do instead."""

    why: str
    instead: str


DROPPED = Rule("the running version still uses what is dropped", LATER)
RENAMED = Rule("the running version still asks by the old name", BESIDE + ", and keep both filled")
FORBIDDEN = Rule("the running version may no longer do or see what it does now", LATER_ALONE)
REPLACED = Rule("what the running version calls behaves differently at once", BESIDE)
CHECKED = Rule("every row is checked under a lock that blocks writers", NOT_VALID)
REWRITTEN = "the table is rewritten under a lock that blocks readers and writers"

UNREADABLE = "syntax-error"
"""squawk's rule for what it can't parse; then it says nothing about the rest of the script."""


def _named(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


SQUAWK: dict[str, Rule] = {
    **_named(
        DROPPED,
        """ban-drop-column ban-drop-table ban-drop-database ban-drop-schema ban-drop-view ban-drop-function
        ban-drop-type ban-drop-domain ban-drop-sequence ban-drop-extension ban-drop-constraint ban-drop-default
        ban-drop-generated-expression ban-drop-trigger ban-drop-policy ban-detach-inheritance""",
    ),
    **_named(RENAMED, "renaming-column renaming-table renaming-object ban-set-schema"),
    **_named(
        FORBIDDEN,
        """ban-revoke ban-alter-role-options ban-alter-row-level-security ban-create-policy
        ban-alter-policy-condition ban-alter-policy-roles""",
    ),
    **_named(
        REPLACED,
        """ban-replace-view-function ban-alter-function-options ban-alter-view-options ban-disable-trigger
        ban-alter-extension ban-alter-identity ban-alter-generated-expression ban-alter-sequence-values
        ban-add-composite-attribute ban-alter-database-options ban-alter-system-options""",
    ),
    **_named(
        CHECKED, "constraint-missing-not-valid adding-foreign-key-constraint ban-alter-domain-with-add-constraint"
    ),
    **_named(
        Rule("an index is built while the table is locked", "CREATE UNIQUE INDEX CONCURRENTLY, then USING INDEX"),
        "disallowed-unique-constraint adding-serial-primary-key-field",
    ),
    "ban-drop-index": Rule("queries of the running version slow down, ON CONFLICT may fail", LATER),
    "ban-drop-not-null": Rule("the running version may meet a NULL that it does not expect", LATER_ALONE),
    "changing-column-type": Rule(
        "the table is rewritten while it is locked, and the running version reads another type",
        "add a column of the new type, fill both, and drop the old one with a later deploy",
    ),
    "adding-field-with-default": Rule(
        REWRITTEN, "add the column without it, set the default, and fill the rows there are in batches"
    ),
    "adding-not-nullable-field": Rule(
        "rows are checked under a lock, and writes of the running version without the column fail",
        "CHECK (… IS NOT NULL) NOT VALID, VALIDATE it in a later step, then SET NOT NULL with a later deploy",
    ),
    "adding-required-field": Rule(
        "writes of the running version, which knows no such column, fail",
        "let it be NULL, or give it a constant default",
    ),
    "require-concurrent-index-creation": Rule(
        "writers wait until the index is built", "CREATE INDEX CONCURRENTLY, outside of a transaction"
    ),
    "require-concurrent-index-deletion": Rule(
        "everybody who uses the table waits", "DROP INDEX CONCURRENTLY, outside of a transaction"
    ),
    "require-concurrent-reindex": Rule("the table is blocked until the index is built", "REINDEX … CONCURRENTLY"),
    "require-concurrent-partition-detach": Rule(
        "everybody who uses the table waits", "DETACH PARTITION … CONCURRENTLY, outside of a transaction"
    ),
    "ban-concurrent-index-creation-in-transaction": Rule(
        "it fails: an index cannot be built CONCURRENTLY within a transaction", "end the transaction before it"
    ),
    "ban-truncate-cascade": Rule("rows that the running version uses are gone", LATER),
    UNREADABLE: Rule("it cannot be parsed, so that what it does is unknown", "write the step as plain SQL"),
}
"""squawk's rules that are about a version that is running."""

STYLE = frozenset(
    {
        *("prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity", "prefer-repack"),
        *("prefer-robust-stmts", "prefer-text-field", "prefer-timestamp-tz", "ban-char-field", "identifier-too-long"),
        *("ban-create-domain-with-constraint", "ban-uncommitted-transaction", "require-enum-value-ordering"),
        *("require-table-schema", "transaction-nesting", "unused-ignore"),
        # The job's session has these, whatever the steps say.
        *("require-timeout-settings", "require-lock-timeout", "require-statement-timeout"),
    }
)
"""squawk's rules that are about taste, or about what the job itself sees to; not findings."""

BUILTIN: dict[str, Rule] = {
    "drop": DROPPED,
    "whole-table-write": Rule(
        "every row is locked or gone until the step ends",
        "name the rows (WHERE), in batches of a few thousand with a transaction each",
    ),
    "table-rewrite": Rule(REWRITTEN, OUTSIDE),
    "blocking-lock": Rule("readers or writers of the running version wait for it", OUTSIDE),
    "checked-column": Rule("every row is checked under a lock that blocks readers and writers", NOT_VALID),
    "new-trigger": Rule("writes of the running version do something else at once", LATER_ALONE),
    "unjudged": Rule(
        "what it does to the running version can't be told from its text", "write the step as plain SQL statements"
    ),
}
"""Rules of this library, where squawk says nothing."""
