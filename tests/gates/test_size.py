"""Small and flat: functions of at most 50 lines (95 of 100: 40), files of at most 400, three levels of nesting."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.gates.tree import Function, functions, product_sources, where

FUNCTION, USUAL_FUNCTION, FILE, DEPTH = 50, 40, 400, 3
SOURCES = product_sources()
BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)


def length(function: Function) -> int:
    """Lines from `def` to the last one, docstring and comments included."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def depth(node: ast.AST, level: int = 0) -> int:
    """How many blocks deep the code of a function goes; `elif` does not nest, a function inside counts for itself."""
    deepest = level
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and _is_elif(node, child)
        inner = level + 1 if isinstance(child, BLOCKS) and not is_elif else level
        deepest = max(deepest, depth(child, inner))
    return deepest


def _is_elif(node: ast.If, child: ast.If) -> bool:
    """`else:` with an `if` on the next line makes the same tree as `elif`, but stands further in."""
    return node.orelse == [child] and child.col_offset == node.col_offset


def percentile_95(values: list[int]) -> int:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


class Measured(NamedTuple):
    where: str
    lines: int
    depth: int


@cache
def measured(path: Path) -> tuple[Measured, ...]:
    """Every function of this file."""
    found = functions(path.read_text("utf-8"))
    return tuple(Measured(f"{where(path)}:{each.lineno} {each.name}", length(each), depth(each)) for each in found)


@pytest.mark.parametrize("path", SOURCES, ids=where)
def test_file_and_its_functions_are_small_and_flat(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= FILE
    assert [each for each in measured(path) if each.lines > FUNCTION] == []
    assert [each for each in measured(path) if each.depth > DEPTH] == []


def test_most_functions_are_smaller_still() -> None:
    lengths = [each.lines for path in SOURCES for each in measured(path)]
    assert lengths
    assert percentile_95(lengths) <= USUAL_FUNCTION


# ---- the gate itself

FLAT = """
async def flat(a):
    async with a:
        for b in a:
            if b == 1:
                return
            elif b == 2:
                return
            elif b == 3:
                return
    def inside():
        while a:
            try:
                with a:
                    pass
            finally:
                pass
"""
DEEP_MATCH = """
def deep(a):
    while a:
        match a:
            case 1:
                try:
                    pass
                except ValueError:
                    if a:
                        pass
"""
DEEP_ELSE = """
def deep(a):
    if a == 1:
        pass
    else:
        if a == 2:
            pass
        else:
            if a == 3:
                with a:
                    pass
"""


@pytest.mark.parametrize(("source", "levels"), [(FLAT, [3, 3]), (DEEP_MATCH, [4]), (DEEP_ELSE, [4])])
def test_depth_counts_blocks(source: str, levels: list[int]) -> None:
    assert [depth(function) for function in functions(source)] == levels


def test_length_counts_every_line() -> None:
    source = "@decorated\ndef long():\n" + '    """Says."""\n\n    # why\n' + "    pass\n" * 47
    assert [length(function) for function in functions(source)] == [51]


def test_percentile_is_of_the_sorted_values() -> None:
    assert percentile_95([41, *[1] * 19]) == 1
    assert percentile_95([41, 41, *[1] * 18]) == 41
