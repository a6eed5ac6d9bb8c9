"""The CUDA engine has no physics of its own: it calls nbnumba.physics, in the nest of the CPU engines."""

from __future__ import annotations

import ast

import pytest
from golden import ROOT

PACKAGE = ROOT / "nbnumba"
MODULES = ("engine/cuda.py", "kernels/cuda_crystal.py")

NUMERICS = ("elementary", "half_turns", "vectors")
PHYSICS = [
    *sorted((PACKAGE / "physics").glob("*.py")), *(PACKAGE / "numerics" / f"{name}.py" for name in NUMERICS),
]  # fmt: skip

SHAPES = sorted({*(PACKAGE / "shapes").glob("*.py")} - {PACKAGE / "shapes" / "shape.py"})
"""The shapes and what they share."""

TYPES = {"float32", "float64", "int32", "int64", "uint64"}
"""What of NumPy stands in compiled code: conversions."""


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_of(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def is_compiled(function):
    """Whether it runs on the GPU: decorated for that, or one of the kernels."""
    decorators = {ast.unparse(decorator).partition("(")[0] for decorator in function.decorator_list}
    return bool(decorators & {"device_jit", "contracting_jit", "cuda.jit"}) or function.name in KERNEL_NAMES


KERNEL_NAMES = {"render_pixels", "scatter_molecule", "add_scaled", "sum_blocks"}

QUOTIENTS = {"_exact_quotient", "_fast_quotient"}
"""What a division is: the physics says where."""

COMPILED = [
    pytest.param(function, id=f"{module}-{function.name}")
    for module in MODULES
    for function in functions_of(tree_of(PACKAGE / module))
    if is_compiled(function) and function.name not in QUOTIENTS
]


def formulas_in(function):
    """Whatever computes in a way that only a formula does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "math" or (node.value.id in ("np", "libdevice") and node.attr not in TYPES):
                yield ast.unparse(node)
        elif (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Pow))) or (
            isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value != 0.0
        ):
            yield ast.unparse(node)


def test_the_kernels_are_looked_at():
    names = {parameter.values[0].name for parameter in COMPILED}
    assert names >= KERNEL_NAMES | {"add_crystal_single", "_mixed_index"}


@pytest.mark.parametrize("function", COMPILED)
def test_kernels_hold_no_formula(function):
    assert list(formulas_in(function)) == []


def test_a_formula_would_be_found():
    (function,) = functions_of(ast.parse("def f(x, n):\n    return math.sin(x * n) / math.sin(x) + 0.5 * x**2"))
    assert len(list(formulas_in(function))) == 5


def test_nothing_of_the_physics_is_defined_again():
    physics = {f.name for path in [*PHYSICS, *SHAPES] for f in functions_of(tree_of(path))}
    nest = {f.name for f in functions_of(tree_of(PACKAGE / "kernels" / "pixel.py"))}
    here = {parameter.values[0].name for parameter in COMPILED}
    assert here & (physics | nest) == set()


@pytest.mark.parametrize(("module", "imported"), [
    ("engine/cuda.py", {"render_pixel"}),
    ("kernels/cuda_crystal.py", {"crystal_sum", "structure_factor"}),
])  # fmt: skip
def test_the_nest_is_that_of_the_cpu_engines(module, imported):
    imports = [node for node in ast.walk(tree_of(PACKAGE / module)) if isinstance(node, ast.ImportFrom)]
    found = {alias.name for node in imports if node.module == "nbnumba.kernels.pixel" for alias in node.names}
    assert found == imported
    # and nothing else assigns to those names
    assigned = {node.id for node in ast.walk(tree_of(PACKAGE / module))
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}  # fmt: skip
    assert not assigned & imported


def test_every_function_name_of_the_physics_is_unique():
    names = [f.name for path in [*PHYSICS, *SHAPES] for f in functions_of(tree_of(path)) if not f.name.startswith("_")]
    assert len(names) == len(set(names))
