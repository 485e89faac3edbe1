"""The Invoke root: `invoke --list` shows what there is."""

from optimus_ops.tasks.root import make_namespace

ns = make_namespace()
