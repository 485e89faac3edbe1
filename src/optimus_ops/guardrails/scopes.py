"""What names stand for: by imports and plain assignments, in the scopes that Python has."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BUILTINS = frozenset(dir(builtins))
IMPORTERS = frozenset({"importlib.import_module", "__import__"})
"""What imports a module by its name."""
Scoped = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
BINDING = (
    *(ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.withitem, ast.FunctionDef),
    *(ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.Name),
)
MOST_MEANINGS = 8


@dataclass(frozen=True)
class Names:
    """The names that can be seen from a place: what is bound here, and around it.

    `bound` has for each name what it may stand for; nothing where that is unknown, and at `*` the modules all of whose
    names are imported. The names of a class are not seen from its methods.
    """

    bound: Mapping[str, tuple[str, ...]]
    around: Names | None = None
    of_class: bool = False

    @classmethod
    def of(cls, scope: ast.AST, around: Names | None = None) -> Names:
        """Return the names of a module, a function or a class."""
        bound: dict[str, tuple[str, ...]] = {}
        made = cls(bound, around, isinstance(scope, ast.ClassDef))
        for name, value in _bindings(scope):
            # A name may stand for all that it is assigned: in which order is not looked at.
            meanings = (value,) if isinstance(value, str) else made._assigned(name, value)
            bound[name] = tuple(dict.fromkeys([*bound.get(name, ()), *meanings]))[:MOST_MEANINGS]
        return made

    def inside(self, scope: Scoped) -> Names:
        """Return the names of a scope that stands in this one."""
        hidden = self.of_class and not isinstance(scope, ast.ClassDef)
        return Names.of(scope, self.around if hidden else self)

    def dotted(self, node: ast.AST | None) -> tuple[str, ...]:
        """Return what an expression may stand for; nothing if it is no chain of names and calls."""
        match node:
            case ast.Name(id=name):
                return self._looked_up(name)
            case ast.Attribute(value=value, attr=attribute):
                if isinstance(value, ast.Constant):
                    return (f"{type(value.value).__name__}().{attribute}",)
                # `builtins.print` is `print`.
                return tuple(f"{owner}.{attribute}".removeprefix("builtins.") for owner in self.dotted(value))
            case ast.Await(value=value):
                return self.dotted(value)
            case ast.Call(func=func):
                return self.reflected(node) or tuple(f"{called}()" for called in self.dotted(func))
        return ()

    def reflected(self, call: ast.Call) -> tuple[str, ...]:
        """Return what `importlib.import_module("x")`, `__import__("x")` or `getattr(x, "y")` stands for."""
        func, args = call.func, [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "name")]
        texts = [arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        called = self.dotted(func) if texts and isinstance(func, ast.Name | ast.Attribute) else ()
        if IMPORTERS & set(called):
            return (texts[0],)
        if "getattr" in called and len(args) > 1:
            return tuple(f"{owner}.{texts[0]}" for owner in self.dotted(args[0]))
        return ()

    def _assigned(self, name: str, value: ast.AST | None) -> tuple[str, ...]:
        """Return what an assigned value stands for; a name assigned to itself would never end."""
        if value is None or any(isinstance(found, ast.Name) and found.id == name for found in ast.walk(value)):
            return ()
        return self.dotted(value)

    def _looked_up(self, name: str) -> tuple[str, ...]:
        names: Names | None = self
        starred: list[str] = []
        while names is not None:
            if name in names.bound:
                # A local name without a known meaning stands for itself, and never for a builtin or a module.
                return names.bound[name] or (f"<{name}>",)
            starred += names.bound.get("*", ())
            names = names.around
        known = (name,) if name in BUILTINS else ()
        return (*known, *(f"{module}.{name}" for module in starred)) or (f"<{name}>",)


def _bindings(scope: ast.AST) -> Iterator[tuple[str, str | ast.AST | None]]:
    """Give the names that a scope binds: to an imported name, to an expression, or to something unknown."""
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        arguments = scope.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        yield from ((argument.arg, None) for argument in every if argument is not None)
    body = getattr(scope, "body", [])
    waiting: list[ast.AST] = list(reversed(body)) if isinstance(body, list) else [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, BINDING):
            yield from _bound_by(node)
        if not isinstance(node, Scoped):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _bound_by(node: ast.AST) -> Iterator[tuple[str, str | ast.AST | None]]:
    match node:
        case ast.Import(names=aliases):
            # `import a.b` binds `a`; with a name of its own it binds `a.b`.
            yield from ((each.asname, each.name) for each in aliases if each.asname)
            roots = (each.name.partition(".")[0] for each in aliases if not each.asname)
            yield from ((root, root) for root in roots)
        case ast.ImportFrom(module=module, names=aliases, level=level):
            prefix = f"{'.' * level}{module or ''}"
            named = (each for each in aliases if each.name != "*")
            yield from ((each.asname or each.name, f"{prefix}.{each.name}".removeprefix("builtins.")) for each in named)
            yield from (("*", prefix) for each in aliases if each.name == "*")
        case ast.Assign(targets=targets, value=value):
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
        case (
            ast.AnnAssign(target=ast.Name(id=name), value=value) | ast.NamedExpr(target=ast.Name(id=name), value=value)
        ):
            yield name, value
        case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
            yield name, value
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, None
        case ast.ExceptHandler(name=str(name)):
            yield name, None
        case ast.Name(id=name, ctx=ast.Store()):
            yield name, None
