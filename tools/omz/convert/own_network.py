"""Networks of Open Matting Zoo, looked up in their source, so that their framework need not be installed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from omz.zoo.export_arguments import OWN_NETWORKS, ExportArguments
from omz.zoo.record import suggestion
from omz.zoo.vocabulary import Framework

_BASES = {"pytorch": "nn.Module", "mindspore": "nn.Cell"}
_RUNS = {"pytorch": "forward", "mindspore": "construct"}
"""The method that takes the inputs of a network."""
_NUMBERS = (int, float)
_TYPES: dict[str, tuple[type, ...]] = {"float": _NUMBERS, "int": (int,), "str": (str,), "bool": (bool,)}
"""Types of parameters that a literal can be compared with."""


@dataclass(frozen=True)
class _Flags:
    """Flags of a card for the module of a network, the network, and the shapes of its inputs."""

    module: str
    network: str
    shapes: str


_FLAGS = {
    "pytorch": _Flags("--import-module", "--model-name", "--input-shapes"),
    "mindspore": _Flags("--network", "--network", "--input_shape"),
}


@dataclass(frozen=True)
class _Signature:
    """Parameters of a method after ``self``: the types that they are declared with, and those without a default."""

    types: dict[str, str]
    required: tuple[str, ...]
    takes_any: bool


def network_problems(export: ExportArguments, framework: Framework) -> Iterator[str]:
    """Yield what keeps a network of our own from being built and run as a card asks, a line each.

    They are a module or class that does not exist, or belongs to another framework, parameters that its constructor
    does not have, lacks, or declares with another type, and another number of inputs. Only the constructor itself can
    tell whether it takes the values.
    """
    module, name = export.import_module, export.model_name
    where = f"{module}.{name}"
    flags = _FLAGS[framework]
    modules = {f"{OWN_NETWORKS}{file}": source for file, source in _sources()}
    networks = {each: _networks(source, framework) for each, source in modules.items()}
    if not networks.get(module):
        there = [each for each, found in networks.items() if found]
        yield f"{flags.module}: {module} has no {framework} networks; {suggestion(module, there)}"
        return
    if name not in networks[module]:
        yield f"{flags.network}: {module} has no {framework} network {name}; {suggestion(name, networks[module])}"
        return
    network = networks[module][name]
    for problem in _problems_of_parameters(export, _signature(network, "__init__")):
        yield f"--model-param: {where} {problem}"
    inputs = _signature(network, _RUNS[framework])
    count = len(export.input_shapes)
    if not (len(inputs.required) <= count <= len(inputs.types) or inputs.takes_any):
        names = ", ".join(inputs.types)
        yield f"{flags.shapes}: has {count} shapes, but {where} takes {names}"


def _sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield the names of the modules of networks, and their sources."""
    for file in sorted(resources.files(OWN_NETWORKS.rstrip(".")).iterdir(), key=lambda file: file.name):
        name, dot, suffix = file.name.partition(".")
        if (dot, suffix) == (".", "py"):
            yield name, ast.parse(file.read_text(encoding="utf-8"))


def _networks(source: ast.Module, framework: Framework) -> dict[str, ast.ClassDef]:
    """Return the networks of a framework that a module defines, by name, but for its private ones."""
    classes = {node.name: node for node in source.body if isinstance(node, ast.ClassDef)}
    found = {}
    for name, node in classes.items():
        if not name.startswith("_") and _is_network(node, framework, classes):
            found[name] = node
    return found


def _is_network(node: ast.ClassDef, framework: Framework, classes: dict[str, ast.ClassDef]) -> bool:
    bases = set(map(ast.unparse, node.bases))
    if _BASES[framework] in bases:
        return True
    return any(_is_network(classes[base], framework, classes) for base in bases & classes.keys() - {node.name})


def _signature(node: ast.ClassDef, method: str) -> _Signature:
    """Return the signature of a method of a class; one that takes anything if the class inherits it."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == method:
            return _signature_of(each.args)
    return _Signature({}, (), takes_any=True)


def _signature_of(arguments: ast.arguments) -> _Signature:
    by_place = [*arguments.posonlyargs, *arguments.args]
    required = by_place[1 : len(by_place) - len(arguments.defaults)]
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is None:
            required.append(each)
    types = {}
    for each in (*by_place[1:], *arguments.kwonlyargs):
        types[each.arg] = ast.unparse(each.annotation) if each.annotation else ""
    takes_any = arguments.vararg is not None or arguments.kwarg is not None
    return _Signature(types, tuple(each.arg for each in required), takes_any)


def _problems_of_parameters(export: ExportArguments, constructor: _Signature) -> Iterator[str]:
    for name, value in export.model_params.items():
        if name in constructor.types:
            declared = constructor.types[name]
            if not _fits(value, declared):
                yield f"takes a {declared} as {name}, not {value!r}"
        elif not constructor.takes_any:
            yield f"has no parameter {name}; {suggestion(name, constructor.types)}"
    for name in constructor.required:
        if name not in export.model_params:
            yield f"needs {name}; add --model-param={name}=..."


def _fits(value: object, declared: str) -> bool:
    allowed = _TYPES.get(declared)
    if allowed is None:
        return True
    if isinstance(value, bool):
        return bool in allowed
    return isinstance(value, allowed)
