"""Compiled kernels are kept for the next run, never used after an edit, and not missed where none can be kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest
from golden import ROOT

from nbnumba.numerics.jit import remove_unused_kernels, source_key

CALLEE = "from mini.numerics.jit import device_jit\n\n@device_jit\ndef factor():\n    return {}\n"
CALLER = """
from mini.numerics.jit import cache_folder, jit
from mini.callee import factor

@jit
def scaled(x):
    return factor() * x

@jit
def shifted(x):
    return factor() + x

if __name__ == "__main__":
    results = scaled(2), shifted(2)
    print(*results, sum(sum(kernel.stats.cache_hits.values()) for kernel in (scaled, shifted)), cache_folder())
"""


@pytest.fixture
def mini(tmp_path):
    """A package with our decorators and a kernel that calls a function of another file."""
    package = tmp_path / "mini"
    package.mkdir()
    (package / "numerics").mkdir()
    shutil.copy(ROOT / "nbnumba" / "numerics" / "jit.py", package / "numerics")
    (package / "callee.py").write_text(CALLEE.format(3))
    (package / "caller.py").write_text(CALLER)
    return package


def run_python(package, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """What Python says beside the package."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=package.parent, env={**os.environ, **environment},
        capture_output=True, text=True, check=True,
    )  # fmt: skip


def run_caller(package, **environment: str) -> list[str]:
    """The kernels' results, how many came from the cache, and the cache folder."""
    return run_python(package, "-m", "mini.caller", **environment).stdout.split()


def test_the_second_run_loads_what_the_first_compiled(mini, tmp_path):
    assert run_caller(mini, NUMBA_CACHE_DIR=str(tmp_path))[:3] == ["6", "5", "0"]
    assert run_caller(mini, NUMBA_CACHE_DIR=str(tmp_path))[:3] == ["6", "5", "2"]


def test_an_edit_of_a_function_that_a_kernel_calls_is_noticed(mini, tmp_path):
    run_caller(mini, NUMBA_CACHE_DIR=str(tmp_path))
    (mini / "callee.py").write_text(CALLEE.format(4))
    assert run_caller(mini, NUMBA_CACHE_DIR=str(tmp_path))[:3] == ["8", "6", "0"]


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "XDG_CACHE_HOME"])
def test_kernels_are_compiled_where_no_folder_can_be_written(mini, variable):
    # /dev/null is no folder, whoever asks, even root
    unwritable = {"NUMBA_CACHE_DIR": "", variable: "/dev/null/cache"}
    assert run_caller(mini, **unwritable) == ["6", "5", "0", "None"]


def test_kernels_lie_in_the_users_cache_folder(mini, tmp_path):
    folder = run_caller(mini, NUMBA_CACHE_DIR="", XDG_CACHE_HOME=str(tmp_path / "cache"))[3]
    assert folder == str(tmp_path / "cache" / "nbnumba" / source_key(mini))


def test_the_key_depends_on_whatever_a_kernel_may_see(mini):
    (mini / "callee.py").write_text("from mini import constants\n" + CALLEE.format("constants.THREE"))
    (mini / "constants.py").write_text("from mini.deeper import THREE\n")
    (mini / "deeper.py").write_text("THREE = 3\n")
    keys = {source_key(mini)}
    for name in ("caller", "callee", "constants", "deeper", "numerics/jit"):
        path = (mini / name).with_suffix(".py")
        path.write_text(path.read_text() + "\n")
        keys.add(source_key(mini))
    (mini / "callee.py").rename(mini / "called.py")
    assert len(keys | {source_key(mini)}) == 7


def test_an_edit_that_no_kernel_can_see_leaves_the_key(mini):
    before = source_key(mini)
    (mini / "command.py").write_text("from mini.caller import scaled\n")
    assert source_key(mini) == before


def test_a_damaged_cache_costs_a_warning_and_a_compilation(mini, tmp_path):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    run_caller(mini, **cache)
    for path in tmp_path.rglob("*.nb[ic]"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    mended = run_python(mini, "-m", "mini.caller", **cache)
    assert mended.stdout.split()[:3] == ["6", "5", "0"]
    assert mended.stderr.count("NbnumbaWarning: compiled kernel ") == 1
    assert run_python(mini, "-W", "error", "-m", "mini.caller", **cache).stdout.split()[:3] == ["6", "5", "2"]


def test_kernels_of_versions_that_are_no_longer_used_are_removed(tmp_path):
    for name, days in (("old", 31), ("used", 29)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kernel.nbc").touch()
        os.utime(tmp_path / name, (time.time() - days * 86400,) * 2)
    remove_unused_kernels(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_the_command_line_imports_numba_without_scipy_which_stays_importable():
    code = (
        "import sys; from nbnumba_cli.startup import import_numba as start; start(); "
        "print('numba.np.arraymath' in sys.modules, 'scipy' in sys.modules); import scipy.linalg.cython_blas"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == ["True", "False"]


def test_a_notebook_is_told_of_our_compilation_only(mini, tmp_path):
    notebook = "import builtins; builtins.__IPYTHON__ = True; import numba; numba.njit(lambda x: x)(1); "
    compiling = "nbnumba: compiling kernels, up to half a minute; the next run will not need to\n"
    assert run_python(mini, "-c", notebook, NUMBA_CACHE_DIR=str(tmp_path)).stderr == ""
    for said in (compiling, ""):
        run = run_python(mini, "-c", f"{notebook}import mini.caller as c; c.scaled(2)", NUMBA_CACHE_DIR=str(tmp_path))
        assert run.stderr == said


def test_the_command_line_says_so_on_any_stderr(mini, tmp_path):
    code = "from nbnumba_cli.startup import show_reports; show_reports(); import mini.caller as c; c.scaled(2)"
    said = run_python(mini, "-c", code, NUMBA_CACHE_DIR=str(tmp_path)).stderr
    assert said == "nbnumba: compiling kernels, up to half a minute; the next run will not need to\n"
