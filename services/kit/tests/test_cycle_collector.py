"""What the collector of cycles still does once a service has settled."""

import subprocess
import sys

SCRIPT = """
import gc, weakref
from optimus_kit.cycle_collector import settle

class Node:
    pass

kept = [Node() for _ in range(1000)]
settle()
assert gc.get_freeze_count() > 1000, gc.get_freeze_count()
assert not any(isinstance(entry, Node) for entry in gc.get_objects())
node = Node()
node.itself, gone = node, weakref.ref(node)
del node
several = [[] for _ in range(gc.get_threshold()[0] + 1000)]
assert gone() is None, "a cycle is never freed"
"""


def test_what_exists_is_left_alone_and_new_cycles_are_freed() -> None:
    # In a process of its own: the collector is the process's.
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
