"""Names, calls, texts and imports in the spellings that would get round a rule, and what is none of them."""

from __future__ import annotations

import pytest

from optimus_ops.guardrails.examples import rules_broken
from optimus_ops.guardrails.policy import parse_policy

HEAD = "version: 1\nsources: [src]\nrules:\n  - {id: rule, message: m, why: w, mend: m, "
ENVIRONMENT = "kind: names, files: ['**'], names: [os.environ, os.getenv]"
PRINT = "kind: calls, files: ['**'], calls: [print, pprint.pprint]"
TIMEOUT = "kind: calls, files: ['**'], without: timeout, calls: [httpx.get, 'requests.*']"
BLOCKING = "kind: calls, files: ['**'], calls: [time.sleep, open], inside: coroutine"
SQL = r"kind: texts, files: ['**'], pattern: '(?is)^\s*SELECT\b.+\bFROM\b'"
IMPORTS = "kind: forbidden-imports, from: a.low, to: [socket, b]"


def broken(rule: str, code: str, **files: str) -> bool:
    every = {"src/a/low.py": code, "src/b/x.py": "", **files}
    return "rule" in set(rules_broken(parse_policy(f"{HEAD}{rule}}}"), every))


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (ENVIRONMENT, "import os\nos.__dict__['environ']"),
        (ENVIRONMENT, "import os\nvars(os)['environ']"),
        (ENVIRONMENT, "import os\ngetattr(os, 'env' + 'iron')"),
        (ENVIRONMENT, "import os\ngetattr(os, f'environ')"),
        (ENVIRONMENT, "import os\n(e := os.environ)['x']"),
        (ENVIRONMENT, "import os\nx = os if y else None\nx.environ"),
        (ENVIRONMENT, "import os\nx = None or os\nx.environ"),
        (ENVIRONMENT, "import sys\nsys.modules['os'].environ"),
        (ENVIRONMENT, "import importlib\nm = importlib.import_module(name='os')\nm.getenv('x')"),
        (ENVIRONMENT, "import builtins\nbuiltins.__import__('os').environ"),
        (ENVIRONMENT, "import os\ndef f(e=os):\n return e.environ"),
        (ENVIRONMENT, "def f():\n import os as z\n def g():\n  return z.environ"),
        (ENVIRONMENT, "import os\n@decorated(os.environ)\ndef f(): pass"),
        (ENVIRONMENT, "import os\nf'{os.environ}'"),
        (PRINT, "import builtins\nbuiltins.print('x')"),
        (PRINT, "from builtins import print as p\np(1)"),
        (PRINT, "__builtins__.print(1)"),
        (PRINT, "list(map(print, [1]))"),
        (PRINT, "from functools import partial as p\np(print, 1)()"),
        (PRINT, "def f(out=print):\n out(1)"),
        (PRINT, "def f(print=print):\n print(1)"),
        (PRINT, "(print if x else None)(1)"),
        (PRINT, "[print][0](1)"),
        (PRINT, "{'a': print}['a'](1)"),
        (PRINT, "from pprint import *\npprint(1)"),
        (TIMEOUT, "import functools, requests\nfunctools.partial(requests.get, 'u')()"),
        (BLOCKING, "import time\nasync def f():\n def g():\n  time.sleep(1)\n g()"),
        (BLOCKING, "import time\nasync def f():\n async with a:\n  async for x in y:\n   time.sleep(1)"),
        (BLOCKING, "async def f():\n with open('x') as g:\n  g.read()"),
        (BLOCKING, "import time\nasync def f(sleep=time.sleep):\n sleep(1)"),
        (SQL, "x = 'SELECT a ' + 'FROM b'"),
        (SQL, "x = 'SELECT a ' + y + ' FROM b'"),
        (SQL, "x = b'select a ' + b'from b'"),
        (SQL, "x = ' '.join(['SELECT a', 'FROM b'])"),
        (SQL, "x = ''.join(('SELECT ', y, ' FROM b'))"),
        (SQL, "x = 'SELECT %s FROM ' % a + b"),
        (SQL, "x = f'SELECT {a} ' f'FROM {b}'"),
        (SQL, "x = y + f('SELECT a FROM b')"),
        (IMPORTS, "from importlib import import_module as m\nm('socket')"),
        (IMPORTS, "import importlib\nimportlib.import_module(name='socket')"),
        (IMPORTS, "import importlib\nimportlib.import_module('.x', 'b')"),
        (IMPORTS, "import importlib\nimportlib.import_module('.x', package='b')"),
        (IMPORTS, "import importlib\nimportlib.import_module('..x', package='b.y')"),
        (IMPORTS, "import importlib\nload = importlib.import_module\nload('sock' + 'et')"),
        (IMPORTS, "import importlib\ngetattr(importlib, 'import_module')('socket')"),
        (IMPORTS, "import importlib\nimportlib.import_module('...b.x', __package__)"),
        (IMPORTS, "import pkgutil\npkgutil.resolve_name('socket:socket')"),
        (IMPORTS, "import runpy\nrunpy.run_module(mod_name='b.x')"),
        (IMPORTS, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n pass\nelse:\n import socket"),
        (IMPORTS, "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n import socket"),
        (IMPORTS, "match x:\n case 1:\n  import socket"),
        (IMPORTS, "try:\n pass\nexcept* E:\n import socket"),
        (f"{IMPORTS}, type-checking: true", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import socket"),
    ],
)
def test_a_spelling_is_seen_through(rule: str, code: str) -> None:
    assert broken(rule, code)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (ENVIRONMENT, "def f(os):\n return os.environ"),
        (ENVIRONMENT, "x['environ'], y.__dict__['environ']"),
        (PRINT, "def f(print):\n print(1)"),
        (PRINT, "from mine import print\nprint(1)"),
        (PRINT, "filter(None, [print])"),
        (TIMEOUT, "import functools, requests\nfunctools.partial(requests.get, timeout=3)('u')"),
        (BLOCKING, "import time\nasync def f():\n def g():\n  time.sleep(1)\n await to_thread(g)"),
        (BLOCKING, "import time\nasync def f():\n await to_thread(time.sleep, 1)"),
        (SQL, "x = 'SELECT a ' * 2"),
        (SQL, "x = ' '.join(y)"),
        (SQL, "x = 1 + 2 + y"),
        (IMPORTS, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import socket"),
    ],
)
def test_what_is_no_spelling_of_it_is_left_alone(rule: str, code: str) -> None:
    assert not broken(rule, code)


@pytest.mark.parametrize("code", ["x = {} + f('SELECT a FROM b')", "x = 'SELECT ' + {} + ' FROM b'"])
def test_a_sum_of_hundreds_of_terms_is_judged(code: str) -> None:
    assert broken(SQL, code.format(" + ".join(["y"] * 900)))
