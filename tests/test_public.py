"""The public library: every name is there, typed and documented, and docs/library.md lists it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from enum import Enum

import pytest
from golden import ROOT
from numpydoc.docscrape import NumpyDocString

import nbnumba

PACKAGES = ("nbnumba", *(
    f"nbnumba.{name}"
    for name in ("background", "campaign", "compare", "io", "output", "pictures", "readout", "refine", "trace")
))  # fmt: skip


def public_names(package: str) -> list[str]:
    """Names of a package that are no packages themselves."""
    module = importlib.import_module(package)
    return [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]


PUBLIC = [(package, name) for package in PACKAGES for name in public_names(package)]
CALLABLE = [item for item in PUBLIC if callable(getattr(importlib.import_module(item[0]), item[1]))]


def documented(item: object) -> NumpyDocString:
    """The sections of a docstring."""
    return NumpyDocString(inspect.cleandoc(item.__doc__ or ""))


def names_in(document: NumpyDocString, section: str) -> list[str]:
    """What a section describes, one name after the other."""
    return [name.strip().lstrip("*") for entry in document[section] for name in entry.name.split(",")]


def arguments(call: object) -> list[str]:
    """Arguments of a function, without self."""
    return [name for name in inspect.signature(call).parameters if name not in ("self", "cls")]


def check_function(function: object) -> None:
    """One line of summary, and every argument under its name."""
    document = documented(function)
    assert document["Summary"]
    assert all(entry.desc for section in ("Parameters", "Raises") for entry in document[section])
    if inspect.signature(function).parameters and document["Parameters"]:
        assert names_in(document, "Parameters") == arguments(function)
    assert document["Parameters"] or not arguments(function)


@pytest.mark.parametrize(("package", "name"), CALLABLE)
def test_every_public_name_has_a_docstring_that_fits_it(package, name):
    item = getattr(importlib.import_module(package), name)
    if not inspect.isclass(item):
        check_function(item)
        return
    document = documented(item)
    assert document["Summary"]
    if dataclasses.is_dataclass(item):
        described = names_in(document, "Attributes")
        fields = {field.name for field in dataclasses.fields(item)}
        inherited = {name for base in item.__mro__[1:] for name in getattr(base, "__dataclass_fields__", {})}
        assert sorted(described) == sorted(fields - inherited)
    elif not issubclass(item, (Enum, Exception, tuple)) and arguments(item):
        assert names_in(document, "Parameters") == arguments(item)


def methods() -> list[tuple[str, str, str]]:
    """The public methods that public classes define."""
    found = []
    for package, name in CALLABLE:
        item = getattr(importlib.import_module(package), name)
        if inspect.isclass(item) and not issubclass(item, Exception):
            found += [
                (package, name, method) for method, value in vars(item).items()
                if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, classmethod))
            ]  # fmt: skip
    return found


@pytest.mark.parametrize(("package", "owner", "name"), methods())
def test_every_public_method_has_a_docstring_that_fits_it(package, owner, name):
    method = getattr(getattr(importlib.import_module(package), owner), name)
    document = documented(method)
    assert document["Summary"]
    # a method that another class describes refers to it
    if not re.search(r"[Ss]ee `\w+\.\w+`", method.__doc__):
        check_function(method)


def test_what_public_docstrings_refer_to_is_there():
    owners = [(importlib.import_module(package), name) for package, name in CALLABLE]
    owners += [(getattr(importlib.import_module(package), owner), name) for package, owner, name in methods()]
    texts = {f"{owner.__name__}.{name}": getattr(owner, name).__doc__ or "" for owner, name in owners}
    referred = {(name, place) for name, text in texts.items() for place in re.findall(r"`(nbnumba\.[\w.]+\w)`", text)}
    assert referred
    for name, place in referred:
        try:
            pkgutil.resolve_name(place)
        except (AttributeError, ImportError):
            pytest.fail(f"{name} refers to {place}")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_document_lists_every_public_name(package):
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {package}\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"`(\w+)", " ".join(line.split("|")[1] for line in section.split("\n") if "|" in line)))
    assert listed == set(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_stubs_give_every_name_away_under_itself(package):
    stub = (ROOT / package.replace(".", "/") / "__init__.pyi").read_text(encoding="utf-8")
    imported = [alias for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(alias.name == alias.asname for alias in imported)
    assert sorted(alias.name for alias in imported) == sorted(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_loads_nothing_before_a_name_is_used(package):
    names = f"(name for name in sys.modules if name.startswith('{package}.'))"
    code = f"import sys, {package}; print(*{names}, 'numpy' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == ["False"]


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="read_hlk"):
        nbnumba.io.read_hlk  # noqa: B018
