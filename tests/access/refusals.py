"""Which refusals a request may end in: from its handler on through whatever edge's code names, by the source alone.

A method is found by its name, wherever it is defined, so more is found than can happen, and nothing less.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
Place = tuple[str, str]
"""Module and name."""


@dataclass
class Sources:
    bodies: dict[Place, ast.AST] = field(default_factory=dict)
    """Functions, classes and what else stands at the top of a module."""
    means: dict[Place, Place] = field(default_factory=dict)
    """What a name of a module was imported as: a name of another, or (module, "")."""
    methods: dict[str, set[Place]] = field(default_factory=lambda: defaultdict(set))


@cache
def sources() -> Sources:
    found = Sources()
    for path in sorted((ROOT / "edge").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(path.read_text("utf-8")).body:
            _sort_in(found, module, node)
    return found


def _sort_in(found: Sources, module: str, node: ast.stmt) -> None:
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "edge":
        for each in node.names:
            whole = f"{node.module}.{each.name}"
            is_module = (ROOT / Path(*whole.split("."))).with_suffix(".py").exists()
            found.means[module, each.asname or each.name] = (whole, "") if is_module else (str(node.module), each.name)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        found.bodies[module, node.name] = node
    elif isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                place = (module, f"{node.name}.{method.name}")
                found.bodies[place] = method
                found.methods[method.name].add(place)
        found.bodies[module, node.name] = ast.Tuple(elts=[])
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                found.bodies[module, target.id] = node


def codes(handlers: Iterable[Place]) -> dict[str, Place]:
    """Code -> a place that raises it without English words of its own."""
    found: dict[str, Place] = {}
    seen, left = set(handlers), list(handlers)
    while left:
        place = left.pop()
        for node in ast.walk(sources().bodies[place]):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused"):
                continue
            code = node.args[0]
            assert isinstance(code, ast.Constant), f"{place}: the code of a refusal stands in its source"
            if "title_en" not in [each.arg for each in node.keywords]:
                found[str(code.value)] = place
        fresh = set(_named(place)) - seen
        seen |= fresh
        left += fresh
    return found


def _named(place: Place) -> Iterator[Place]:
    """What this names: through its imports, beside it, or as a method of anything."""
    known, module = sources(), place[0]
    for node in ast.walk(known.bodies[place]):
        if isinstance(node, ast.Name):
            meant = known.means.get((module, node.id), (module, node.id))
            if meant in known.bodies:
                yield meant
        elif isinstance(node, ast.Attribute):
            whose = known.means.get((module, node.value.id)) if isinstance(node.value, ast.Name) else None
            if whose is not None and whose[1] == "":
                yield from [(whose[0], node.attr)] if (whose[0], node.attr) in known.bodies else []
            else:
                yield from known.methods.get(node.attr, ())
