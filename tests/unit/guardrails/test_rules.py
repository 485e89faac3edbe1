"""What each kind of rules finds, and what it leaves alone: pairs of files that break a rule and keep it."""

from __future__ import annotations

import pytest

from optimus_ops.guardrails.examples import rules_broken
from optimus_ops.guardrails.policy import parse_policy

HEAD = "version: 1\nsources: [src]\nrules:\n  - {id: rule, message: m, why: w, mend: m, "

LAYERS = "kind: layers, container: a, layers: [high, mid | side, low]"
FORBIDDEN = "kind: forbidden-imports, from: a.low, to: [socket, b]"
DIRECT = f"{FORBIDDEN}, indirect: false"
PROTECTED = "kind: protected-imports, modules: a.models, importers: [a.store]"
INDEPENDENT = "kind: independence, modules: [a.x, a.y]"
ENVIRONMENT = "kind: names, files: ['**'], names: [os.environ, os.getenv]"
EXECUTE = "kind: calls, files: ['**'], calls: ['*.execute', eval]"
TIMEOUT = (
    "kind: calls, files: ['**'], without: timeout, position: 3, "
    "calls: [httpx.get, 'requests.*', urllib.request.urlopen]"
)
BLOCKING = "kind: calls, files: ['**'], calls: [time.sleep, 'httpx.Client().get'], inside: coroutine"
SQL = r"kind: texts, files: ['**'], except: [src/a/store.py], pattern: '^SELECT\b'"
PATTERN = "kind: pattern, files: ['**'], rule: '$A is None and $A'"
AST_GREP = "kind: pattern, files: ['**'], rule: {pattern: 'f($X)', inside: {kind: while_statement, stopBy: end}}"
CONSTRAINED = "kind: pattern, files: ['**'], rule: 'f($X)', constraints: {X: {regex: '^a'}}"
TOGETHER = "kind: together, files: [api/*.yaml], also: [src/a/generated.py]"
SIZE = "kind: size, files: ['**'], file-lines: 4, function-lines: 3, arguments: 2, complexity: 3"


def broken(rule: str, files: dict[str, str]) -> bool:
    return "rule" in set(rules_broken(parse_policy(f"{HEAD}{rule}}}"), files))


def code(text: str) -> dict[str, str]:
    return {"src/a/code.py": text}


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        (LAYERS, {"src/a/low.py": "import a.high", "src/a/high.py": ""}),
        (LAYERS, {"src/a/low/x.py": "from ..high import y", "src/a/high/y.py": ""}),
        (LAYERS, {"src/a/mid.py": "from a import side", "src/a/side.py": ""}),
        (LAYERS, {"src/a/low.py": "def f():\n from a.high import *", "src/a/high.py": ""}),
        (LAYERS, {"src/a/low.py": "import tools", "src/tools.py": "import a.mid", "src/a/mid.py": ""}),
        (f"{LAYERS}, exhaustive: true", {"src/a/other.py": ""}),
        (FORBIDDEN, {"src/a/low.py": "import socket"}),
        (FORBIDDEN, {"src/a/low.py": "try:\n import x\nexcept ImportError:\n from socket import AF_INET as f"}),
        (FORBIDDEN, {"src/a/low.py": "import importlib\nimportlib.import_module('b.x')"}),
        (FORBIDDEN, {"src/a/low.py": "__import__('socket')"}),
        (FORBIDDEN, {"src/a/low.py": "from importlib import import_module as load\nload('socket')"}),
        (FORBIDDEN, {"src/a/low.py": "import importlib\nload = importlib.import_module\ndef f():\n load('b.x')"}),
        (FORBIDDEN, {"src/a/low.py": "from importlib import import_module\nimport_module(name='socket')"}),
        (
            FORBIDDEN,
            {"src/a/low.py": "from importlib import import_module\nimport_module('...b.x', 'c.d')", "src/b/x.py": ""},
        ),
        (FORBIDDEN, {"src/a/low.py": "import builtins\nbuiltins.__import__('socket')"}),
        (FORBIDDEN, {"src/a/low.py": "import c", "src/c.py": "import d", "src/d.py": "import socket"}),
        (DIRECT, {"src/a/low.py": "import b.x"}),
        (PROTECTED, {"src/a/web.py": "from a.models import User", "src/a/models.py": ""}),
        (INDEPENDENT, {"src/a/x.py": "import shared", "src/shared.py": "import a.y", "src/a/y.py": ""}),
        (ENVIRONMENT, code("import os\nos.environ['X']")),
        (ENVIRONMENT, code("import os as system\nsystem.environ.get('X')")),
        (ENVIRONMENT, code("from os import environ as e\nx = e")),
        (ENVIRONMENT, code("import os\ne = os.environ\ndef f():\n return e['X']")),
        (ENVIRONMENT, code("import os\nlambda: getattr(os, 'environ')")),
        (ENVIRONMENT, code("from os import *\nenviron['X']")),
        (ENVIRONMENT, code("import os\nf(a, *[os.getenv(k) for k in x])")),
        (EXECUTE, code("def f(session):\n session.execute('x')")),
        (EXECUTE, code("get().connection().execute('x')")),
        (EXECUTE, code("run = eval\nrun('1')")),
        (EXECUTE, code("import builtins\nbuiltins.eval('1')")),
        (EXECUTE, code("from builtins import eval as run\nrun('1')")),
        (EXECUTE, code("class A:\n def eval(self):\n  return eval('1')")),
        (TIMEOUT, code("import httpx\nhttpx.get('u')")),
        (TIMEOUT, code("import httpx\nhttpx.get('u', timeout=None)")),
        (TIMEOUT, code("from requests import sessions\nsessions.get('u')")),
        (TIMEOUT, code("from urllib import request\nrequest.urlopen('u', None)")),
        (BLOCKING, code("from time import sleep\nasync def f():\n sleep(1)")),
        (BLOCKING, code("import httpx\nasync def f():\n with httpx.Client() as c:\n  c.get('u')")),
        (SQL, code("x = 'SELECT 1'")),
        (SQL, code("x = f'SELECT {y}'")),
        (SQL, code("x = b'SELECT 1'")),
        (SQL, code("def f():\n '''doc'''\n return ('SELECT '\n  'a')")),
        (PATTERN, code("x = y is None and y")),
        (AST_GREP, code("while True:\n if x:\n  f(1)")),
        (CONSTRAINED, code("f(abc)")),
        (TOGETHER, {"api/a.yaml": ""}),
        (SIZE, code("1\n2\n3\n4\n5\n")),
        (SIZE, code("def f():\n 1\n 2\n 3")),
        (SIZE, code("class A:\n async def f(a, b, *, c):\n  1")),
        (SIZE, code("def f(): return [x for x in y if z for a in b for c in d]")),
    ],
)
def test_a_rule_is_broken(rule: str, files: dict[str, str]) -> None:
    assert broken(rule, files)


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        (LAYERS, {"src/a/high.py": "import a.low\nimport a.mid", "src/a/low.py": "", "src/a/mid.py": ""}),
        (LAYERS, {"src/a/low.py": "if TYPE_CHECKING:\n import a.high", "src/a/high.py": ""}),
        (LAYERS, {"src/a/low.py": "from a import other", "src/a/other.py": ""}),
        (LAYERS, {"src/ab/low.py": "import ab.high", "src/ab/high.py": ""}),
        (FORBIDDEN, {"src/a/low.py": "import socketserver, bb"}),
        (FORBIDDEN, {"src/a/high.py": "import socket"}),
        (FORBIDDEN, {"src/a/low.py": "from importlib import import_module\nload = len\nload('socket')\nx('socket')"}),
        (f"{FORBIDDEN}, except: a.low.net", {"src/a/low/net.py": "import socket", "src/a/low/__init__.py": ""}),
        (DIRECT, {"src/a/low.py": "import c", "src/c.py": "import socket"}),
        (PROTECTED, {"src/a/store.py": "import a.models", "src/a/models.py": "from a import models"}),
        (INDEPENDENT, {"src/a/x.py": "import a.x.z", "src/a/y.py": ""}),
        (ENVIRONMENT, code("import os\nos.environment")),
        (ENVIRONMENT, code("def f(os):\n return os.environ")),
        (ENVIRONMENT, code("import os\nport = os.sep\nprint(port)")),
        (ENVIRONMENT, code("'os.environ'  # os.environ")),
        (EXECUTE, code("def execute(): pass\nexecute()")),
        (EXECUTE, code("def f(eval):\n eval('1')")),
        (EXECUTE, code("class A:\n def eval(): pass\n x = eval()")),
        (TIMEOUT, code("import httpx\nhttpx.get('u', timeout=3).json()")),
        (TIMEOUT, code("import httpx\nhttpx.get('u', **options)")),
        (TIMEOUT, code("from urllib.request import urlopen\nurlopen('u', None, 3)")),
        (BLOCKING, code("import time\ndef f():\n time.sleep(1)")),
        (BLOCKING, code("import time\nasync def f():\n def g():\n  time.sleep(1)\n await h(lambda: time.sleep(1))")),
        (BLOCKING, code("import asyncio\nasync def f():\n await asyncio.sleep(1)")),
        (SQL, {"src/a/store.py": "x = 'SELECT 1'"}),
        (SQL, code("'''SELECT in documentation'''\nx = 'SELECTED'")),
        (PATTERN, code("x = y is None and z")),
        (AST_GREP, code("f(1)")),
        (CONSTRAINED, code("f(b)")),
        (TOGETHER, {"api/a.yaml": "", "src/a/generated.py": ""}),
        (TOGETHER, {"src/a/generated.py": ""}),
        (SIZE, code("def f(a, b):\n if a:\n  return [c for c in b]\n")),
    ],
)
def test_a_rule_is_kept(rule: str, files: dict[str, str]) -> None:
    assert not broken(rule, files)
