"""What names stand for: by imports and plain assignments, in the scopes that Python has."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from optimus_ops.guardrails.text_literals import constant_text

BUILTINS = frozenset(dir(builtins))
Scoped = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
Display = ast.List | ast.Tuple | ast.Dict
BINDING = (
    *(ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.withitem, ast.FunctionDef),
    *(ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.Name),
)
IMPORTERS = frozenset(
    {"importlib.import_module", "importlib.__import__", "__import__", "pkgutil.resolve_name", "runpy.run_module"}
)
"""What imports a module by its name."""
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
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            # An argument may stand for its default, which is what it was around the function.
            for name, default in _arguments(scope.args):
                bound[name] = around.dotted(default)[:MOST_MEANINGS] if around is not None else ()
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
                return tuple(_member(owner, attribute) for owner in self.dotted(value))
            case ast.Call(func=func):
                return self.reflected(node) or tuple(f"{called}()" for called in self.dotted(func))
            case ast.Subscript(value=value, slice=index) if not isinstance(value, Display):
                return self.entry(value, constant_text(index))
        return tuple(name for each in _alternatives(node)[:MOST_MEANINGS] for name in self.dotted(each))

    def entry(self, node: ast.expr, key: str | None) -> tuple[str, ...]:
        """Return what `sys.modules["x"]`, `vars(x)["y"]` or `x.__dict__["y"]` stands for."""
        if not key:
            return ()
        found = self.dotted(node)
        if "sys.modules" in found:
            return (key,)
        if isinstance(node, ast.Call) and node.args and "vars()" in found:
            return tuple(_member(owner, key) for owner in self.dotted(node.args[0]))
        owners = (name.removesuffix(".__dict__") for name in found if name.endswith(".__dict__"))
        return tuple(_member(owner, key) for owner in owners)

    def reflected(self, call: ast.Call) -> tuple[str, ...]:
        """Return what `importlib.import_module("x")`, `__import__("x")` or `getattr(x, "y")` stands for."""
        if module := self.imported_by(call):
            return () if module.startswith(".") else (module,)
        name = constant_text(call.args[1]) if len(call.args) > 1 else None
        if name and _is_named(call.func) and "getattr" in self.dotted(call.func):
            return tuple(_member(owner, name) for owner in self.dotted(call.args[0]))
        return ()

    def imported_by(self, call: ast.Call) -> str:
        """Return the module that a call imports, relative ones with their dots; "" if it imports none."""
        given = dict(zip(("name", "package"), call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        text = constant_text(given.get("name", given.get("mod_name")))
        if not text or not _is_named(call.func) or not IMPORTERS & {*self.dotted(call.func), *_own_name(call.func)}:
            return ""
        module, package = text.partition(":")[0], constant_text(given.get("package"))
        if not module.startswith(".") or not package:
            return module
        # One dot is the package itself, each further one a package above.
        name, parts = module.lstrip("."), package.split(".")
        return ".".join([*parts[: len(parts) + 1 - (len(module) - len(name))], *filter(None, [name])])

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
        known = ("builtins",) if name == "__builtins__" else (name,) if name in BUILTINS else ()
        return (*known, *(f"{module}.{name}" for module in starred)) or (f"<{name}>",)


def _bindings(scope: ast.AST) -> Iterator[tuple[str, str | ast.AST | None]]:
    """Give the names that a scope binds: to an imported name, to an expression, or to something unknown."""
    body = getattr(scope, "body", [])
    waiting: list[ast.AST] = list(reversed(body)) if isinstance(body, list) else [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, BINDING):
            yield from _bound_by(node)
        if not isinstance(node, Scoped):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _arguments(arguments: ast.arguments) -> Iterator[tuple[str, ast.AST | None]]:
    """Give the arguments of a function with their defaults."""
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    defaults = [*[None] * missing, *arguments.defaults, *arguments.kw_defaults]
    yield from zip((each.arg for each in [*positional, *arguments.kwonlyargs]), defaults, strict=True)
    yield from ((each.arg, None) for each in (arguments.vararg, arguments.kwarg) if each is not None)


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
            yield from ((each.asname or each.name, _member(prefix, each.name)) for each in named)
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


def _is_named(func: ast.expr) -> bool:
    """Tell whether what is called is a name, of something, or got by a call of a name: `getattr(x, "y")`."""
    return isinstance(func.func if isinstance(func, ast.Call) else func, ast.Name | ast.Attribute)


def _own_name(func: ast.expr) -> tuple[str, ...]:
    """Return by its last name what a call may be of, wherever it comes from: `self.importlib.import_module`."""
    match func:
        case ast.Name(id="import_module") | ast.Attribute(attr="import_module"):
            return ("importlib.import_module",)
    return ()


def _alternatives(node: ast.AST | None) -> list[ast.expr]:
    """Return the expressions one of which an expression is."""
    match node:
        case ast.Await(value=value):
            return [value]
        case ast.IfExp(body=first, orelse=second):
            return [first, second]
        case ast.BoolOp(values=several):
            return several
        case ast.Subscript(value=ast.List(elts=several) | ast.Tuple(elts=several) | ast.Dict(values=several)):
            return several
    return []


def _member(owner: str, name: str) -> str:
    """Return the name of what something has; builtins go by their own."""
    return name if owner == "builtins" else f"{owner}.{name}"


def scoped_calls(tree: ast.Module) -> Iterator[tuple[ast.Call, Names]]:
    """Give all calls, with the names that can be seen from each."""
    waiting: list[tuple[ast.AST, Names]] = [(tree, Names.of(tree))]
    while waiting:
        node, names = waiting.pop()
        if isinstance(node, ast.Call):
            yield node, names
        inside = names.inside(node) if isinstance(node, Scoped) else names
        waiting += [(part, inside) for part in ast.iter_child_nodes(node)]
