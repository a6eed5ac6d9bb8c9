"""Vectors of 512 bits where a processor has them.

For Intel's processors LLVM keeps to 256 bits, since the first ones with AVX-512 lowered their clock for more. The loops
of the kernels do nothing but arithmetic and are up to 1.8 times as fast with 512.
"""

from __future__ import annotations

from typing import Any

from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

PREFERENCE = '"prefer-vector-width"="512"'
"""Attribute of a function in LLVM's language; processors with shorter vectors are not asked for more than they have."""


class _WideLower(Lower):
    """Adds the preference to a function."""

    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)
        # llvmlite's own `add` knows no attributes with values
        set.add(self.function.attributes, PREFERENCE)


@register_pass(mutates_CFG=True, analysis_only=False)
class _WideLowering(NativeLowering):
    _name = "wide_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return _WideLower


class WideVectors(CompilerBase):
    """Numba's compiler for functions whose loops should take the longest vectors."""

    def define_pipelines(self) -> list[PassManager]:
        """Numba's own passes but for the last step to LLVM."""
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.passes = [
            (_WideLowering if step is NativeLowering else step, text) for step, text in manager.passes
        ]
        manager.finalize()
        return [manager]
