"""Situations that tools for import contracts are tried on, written anew: pairs of trees that keep and break a rule.

Of import-linter: children and grandchildren, chains through others, several containers' names, descendants of allowed
importers, wildcards. Of tach: lazy and relative imports, modules of other roots. Of dependency-cruiser: peers, cycles,
reaching a module through others.
"""

from __future__ import annotations

import pytest
from tests.unit.guardrails.test_rules import broken

LAYERS = "kind: layers, container: shop, layers: [high, medium | beside, low]"
APART = "kind: independence, modules: [shop.blue, shop.green, shop.yellow]"
APART_BY_NAME = "kind: independence, modules: [shop.plugins.*]"
GUARDED = "kind: protected-imports, modules: shop.data.models, importers: [shop.data.store, shop.admin]"
FORBIDDEN = "kind: forbidden-imports, from: shop.one, to: [shop.green, flask]"
FORBIDDEN_BY_NAME = "kind: forbidden-imports, from: 'shop.*.views', to: 'shop.*.models'"
NO_CIRCLE = "kind: acyclic-siblings, ancestors: shop"
NO_CIRCLE_ABOVE = f"{NO_CIRCLE}, depth: 1"
NO_CIRCLE_BY_NAME = "kind: acyclic-siblings, ancestors: 'shop.*'"
DIRECT = f"{FORBIDDEN}, indirect: false"


def tree(**files: str) -> dict[str, str]:
    """Return files by the names of their modules, `__` for a dot; packages have their own file."""
    paths = {f"src/{name.replace('__', '/')}.py": text for name, text in files.items()}
    folders = {path.rsplit("/", depth)[0] for path in paths for depth in range(1, path.count("/"))}
    return {**{f"{folder}/__init__.py": "" for folder in folders if f"{folder}.py" not in paths}, **paths}


BROKEN = [
    (LAYERS, tree(shop__low__blue="import shop.high", shop__high__green="")),
    (LAYERS, tree(shop__low__blue__deep="from shop.high.green.deep import x", shop__high__green__deep="")),
    (LAYERS, tree(shop__medium__x="from ..beside import y", shop__beside__y="")),
    (LAYERS, tree(shop__low="import shop.tools", shop__tools="import shop.medium", shop__medium="")),
    (
        LAYERS,
        tree(shop__low="import tools", tools="from tools_too import x", tools_too="import shop.high", shop__high=""),
    ),
    (LAYERS, tree(shop__medium="import shop.high", shop__high="import shop.medium")),
    (
        LAYERS,
        tree(shop__low__a="from .b import x", shop__low__b="def f():\n from ...shop.high import y", shop__high=""),
    ),
    (
        f"{LAYERS}, type-checking: true",
        tree(shop__low="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import shop.high", shop__high=""),
    ),
    (APART, tree(shop__blue="import shop.green", shop__green="")),
    (APART, tree(shop__blue__alpha="from shop.yellow.gamma import x", shop__yellow__gamma="")),
    (APART, tree(shop__blue__beta__foo="import shop.green", shop__green="")),
    (APART, tree(shop__blue="import shop.other", shop__other="import shop.green.deep", shop__green__deep="")),
    (APART, tree(shop__yellow="import a", a="import b", b="import c", c="from shop.blue import x", shop__blue="")),
    (APART_BY_NAME, tree(shop__plugins__a="from . import b", shop__plugins__b="")),
    (APART_BY_NAME, tree(shop__plugins__a__x="import shop.plugins.b.y", shop__plugins__b__y="")),
    (GUARDED, tree(shop__web="import shop.data.models", shop__data__models="")),
    (GUARDED, tree(shop__web="from shop.data import models", shop__data__models="")),
    (GUARDED, tree(shop__web="from shop.data.models import user", shop__data__models__user="")),
    (GUARDED, tree(shop__data__beside="from .models import User", shop__data__models="")),
    (GUARDED, tree(shop__web="from shop.data.models import *", shop__data__models="")),
    (FORBIDDEN, tree(shop__one__alpha="from shop.green.beta import x", shop__green__beta="")),
    (FORBIDDEN, tree(shop__one="import shop.utils", shop__utils="import shop.green", shop__green="")),
    (FORBIDDEN, tree(shop__one="import shop.utils", shop__utils="import flask.views")),
    (FORBIDDEN, tree(shop__one="from shop.facade import *", shop__facade="from shop.green import *", shop__green="")),
    (FORBIDDEN_BY_NAME, tree(shop__a__views="import shop.b.models", shop__b__models="")),
    (
        FORBIDDEN_BY_NAME,
        tree(shop__a__views="import shop.a.store", shop__a__store="from . import models", shop__a__models=""),
    ),
    (DIRECT, tree(shop__one__deep="import flask")),
    (NO_CIRCLE, tree(shop__one="from . import two", shop__two="from . import one")),
    (NO_CIRCLE, tree(shop__a__x="import shop.b.x", shop__b__y="import shop.a.y", shop__b__x="", shop__a__y="")),
    (NO_CIRCLE, tree(shop__a="import shop.b", shop__b="import shop.c", shop__c="import shop.a")),
    (NO_CIRCLE, tree(shop__deep__er__a="from . import b", shop__deep__er__b="def f():\n from . import a")),
    (NO_CIRCLE_ABOVE, tree(shop__a__x="import shop.b", shop__b="import shop.a.y", shop__a__y="")),
    (NO_CIRCLE_BY_NAME, tree(shop__sub__a="from . import b", shop__sub__b="from . import a")),
]
KEPT = [
    (LAYERS, tree(shop__high__green="import shop.low.blue, shop.medium, shop.beside", shop__low__blue="")),
    (LAYERS, tree(shop__low__a="from . import b", shop__low__b="from . import a")),
    (LAYERS, tree(shop__high="import shop.tools", shop__tools="import shop.low", shop__low="import json")),
    (LAYERS, tree(shop__low="import other.high", other__high="")),
    (LAYERS, tree(shop__low="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n import shop.high", shop__high="")),
    (LAYERS, tree(other__shop__low="import shop.high", shop__high="")),
    (LAYERS, tree(shop__low="import shop.highest", shop__highest="")),
    (APART, tree(shop__blue="import shop.blue.alpha, shop.other", shop__blue__alpha="", shop__other="")),
    (APART, tree(shop__other="import shop.blue, shop.green", shop__blue="", shop__green="")),
    (APART, tree(shop__blue="import shop.greenhouse", shop__greenhouse="")),
    (APART_BY_NAME, tree(shop__plugins__a__x="from . import y", shop__plugins__a__y="")),
    (GUARDED, tree(shop__data__store="from . import models", shop__data__models="")),
    (
        GUARDED,
        tree(shop__admin__pages="import shop.data.models.user", shop__data__models__user="import shop.data.models.key"),
    ),
    (
        GUARDED,
        tree(shop__web="import shop.data.store", shop__data__store="import shop.data.models", shop__data__models=""),
    ),
    (GUARDED, tree(shop__web="import shop.data.models_of_views", shop__data__models_of_views="")),
    (FORBIDDEN, tree(shop__green="import shop.one", shop__one="")),
    (FORBIDDEN, tree(shop__one="import shop.utils", shop__utils="import json")),
    (FORBIDDEN, tree(shop__one="import flasks")),
    (FORBIDDEN, tree(shop__one="'import flask'  # import flask")),
    (FORBIDDEN_BY_NAME, tree(shop__views="import shop.b.models", shop__b__models="")),
    (DIRECT, tree(shop__one="import shop.utils", shop__utils="import flask")),
    (NO_CIRCLE, tree(shop__one="from . import two", shop__two="import shop, other", other="import shop.one")),
    (NO_CIRCLE, tree(shop__a="import shop.b, shop.c", shop__b="import shop.c", shop__c="import shop.c.d")),
    (NO_CIRCLE, tree(shops__one="from . import two", shops__two="from . import one")),
    (NO_CIRCLE_ABOVE, tree(shop__sub__a="from . import b", shop__sub__b="from . import a")),
    (NO_CIRCLE_BY_NAME, tree(shop__one="from . import two", shop__two="from . import one")),
]


@pytest.mark.parametrize(("rule", "files"), BROKEN)
def test_a_rule_of_imports_is_broken(rule: str, files: dict[str, str]) -> None:
    assert broken(rule, files)


@pytest.mark.parametrize(("rule", "files"), KEPT)
def test_a_rule_of_imports_is_kept(rule: str, files: dict[str, str]) -> None:
    assert not broken(rule, files)
