"""The tasks of the shop: those of Optimus Ops."""

from optimus_ops.tasks.root import make_namespace

ns = make_namespace()
