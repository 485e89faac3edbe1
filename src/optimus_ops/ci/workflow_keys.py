"""The words that GitHub knows in a workflow file: keys, events, scopes of permissions, as its own parser has them."""

WORKFLOW_KEYS = frozenset(
    {"concurrency", "defaults", "description", "env", "jobs", "name", "on", "permissions", "run-name"}
)
CALL_KEYS = frozenset({"name", "uses", "with", "secrets", "needs", "if", "permissions", "concurrency", "strategy"})
"""Of a job that calls a reusable workflow."""
JOB_KEYS = CALL_KEYS | {
    *("container", "continue-on-error", "defaults", "env", "environment", "outputs", "runs-on", "services"),
    *("snapshot", "steps", "timeout-minutes", "cancel-timeout-minutes"),
}
CONCURRENT_STEPS = ("wait", "wait-all", "cancel", "parallel")
STEP_KEYS = frozenset(
    {
        *("name", "id", "if", "run", "uses", "with", "env", "shell", "working-directory", "timeout-minutes"),
        *("continue-on-error", "background", *CONCURRENT_STEPS),
    }
)
EVENTS = frozenset(
    {
        *("branch_protection_rule", "check_run", "check_suite", "create", "delete", "deployment", "deployment_status"),
        *("discussion", "discussion_comment", "fork", "gollum", "image_version", "issue_comment", "issues", "label"),
        *("merge_group", "milestone", "page_build", "project", "project_card", "project_column", "public"),
        *("pull_request", "pull_request_comment", "pull_request_review", "pull_request_review_comment"),
        *("pull_request_target", "push", "registry_package", "release", "repository_dispatch", "schedule", "status"),
        *("watch", "workflow_call", "workflow_dispatch", "workflow_run"),
    }
)
SCOPES = frozenset(
    {
        *("actions", "artifact-metadata", "attestations", "checks", "code-quality", "contents", "copilot-requests"),
        *("deployments", "discussions", "drives", "id-token", "issues", "models", "packages", "pages"),
        *("pull-requests", "repository-projects", "security-events", "statuses", "vulnerability-alerts"),
    }
)
LEVELS = frozenset({"read", "write", "none"})
EVERYTHING = frozenset({"read-all", "write-all"})
