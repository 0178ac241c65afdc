"""The tree, held by parsing the sources: imports no framework."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from dualnet import catalogue
from dualnet.interface import BACKENDS

ROOT = Path(__file__).parent.parent
LIBRARY = sorted([*ROOT.glob("dualnet/**/*.py"), *ROOT.glob("parity/**/*.py")])
FRAMEWORKS = {"tensorflow", "keras", "torch", "torchvision", "triton"}
IDS = [concept.id for concept in catalogue.concepts()]
TAG = re.compile(r"differs: ((?:[DX]\w*(?:-\w+)*(?:, )?)+)")


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in LIBRARY}


@cache
def parsed(path):
    return ast.parse(path.read_text())


def top_level(tree):
    """Statements run on import: not inside functions, not under TYPE_CHECKING."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node


def imported(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (
                f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in NAMES else node.module
                for alias in node.names
            )


def on_import(path):
    return set(imported(top_level(parsed(path))))


def anywhere(path):
    return set(imported(ast.walk(parsed(path))))


GRAPH = {
    module_name(path): {name for name in on_import(path) if name in NAMES and name != module_name(path)}
    for path in LIBRARY
}


def longest_chain(name, seen=()):
    assert name not in seen, f"cycle: {' -> '.join((*seen, name))}"
    chains = (longest_chain(other, (*seen, name)) for other in GRAPH[name])
    return [*max(chains, key=len, default=[]), name]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_cycle_and_no_chain_longer_than_six(name):
    chain = longest_chain(name)
    assert len(chain) <= 6, " <- ".join(chain)


ADAPTERS = {
    "parity.torch_random": "torch", "parity.keras_random": "tf", "parity.keras_functions": "tf",
    "parity.torch_side": "torch", "parity.torch_rule": "torch", "parity.mutate": "torch", "parity.keras_side": "tf",
    "parity.keras_rule": "tf", "dualnet.rosetta.run_torch": "torch", "dualnet.rosetta.run_tf": "tf",
}  # fmt: skip
"""The modules outside of a backend's folder that know a framework: the engine's view of models that are not ours, and
the table of names."""


def allowed(name):
    """The modules of ours that a module may import, as prefixes; None: anything but parity."""
    side = name.split(".")[1] if name.count(".") else ""
    if name == "dualnet.interface":
        return ()
    if name in ("dualnet", "dualnet.process"):
        return ("dualnet.interface", "dualnet.catalogue", "dualnet.process")
    if name in ("dualnet.tf", "dualnet.torch"):
        return ("dualnet",)
    if name == "dualnet.noise":
        return ("dualnet.interface",)
    if name in [f"dualnet.{backend}._noise" for backend in BACKENDS]:
        return ("dualnet.interface", "dualnet.noise", f"dualnet.{side}._variables")
    if side == "concepts":
        return ("dualnet.interface", "dualnet.concepts")
    if side in BACKENDS:
        return ("dualnet.interface", "dualnet.concepts", f"dualnet.{side}")
    return None


@pytest.mark.parametrize("path", LIBRARY, ids=module_name)
def test_import_direction(path):
    name, found = module_name(path), anywhere(path)
    ours = {other for other in found if other.split(".")[0] in ("dualnet", "parity")}
    may = allowed(name)
    if may is not None:
        wrong = [o for o in ours if not any(o == prefix or o.startswith(prefix + ".") for prefix in may)]
        assert not wrong, f"{name} imports {wrong}"
    if name.startswith("dualnet"):
        assert not {o for o in on_import(path) if o.startswith("parity")}
    if name.startswith("parity"):
        assert not {o for o in ours if o.startswith(("dualnet.tf", "dualnet.torch"))}
    side = ADAPTERS.get(name) or (name.split(".")[1] if name.count(".") else "")
    if side not in BACKENDS:
        assert not {o for o in on_import(path) if o.split(".")[0] in FRAMEWORKS}, "a framework outside its folder"
    others = {"tf": {"torch", "torchvision"}, "torch": {"tensorflow", "keras"}}.get(side, set())
    assert not {o for o in found if o.split(".")[0] in others}, "the other side's framework"


@pytest.mark.parametrize("folder", sorted({path.parent for path in LIBRARY}), ids=module_name)
def test_every_folder_is_a_package(folder):
    assert (folder / "__init__.py").is_file()


@pytest.mark.parametrize("path", LIBRARY, ids=module_name)
def test_no_assert_in_library_code(path):
    assert not [node.lineno for node in ast.walk(parsed(path)) if isinstance(node, ast.Assert)]


def public_names(path):
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path} has no __all__")


def signature(arguments):
    """Names, kinds and defaults; annotations name each side's own tensors."""
    return {
        "positional": [a.arg for a in (*arguments.posonlyargs, *arguments.args)],
        "keyword": [a.arg for a in arguments.kwonlyargs],
        "variadic": [a.arg for a in (arguments.vararg, arguments.kwarg) if a],
        "defaults": [ast.dump(d) if d else None for d in (*arguments.defaults, *arguments.kw_defaults)],
    }


def signatures(path):
    found = {}
    for node in parsed(path).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = signature(node.args)
        if isinstance(node, ast.ClassDef):
            # A Keras model is told whether it trains by an argument of call, a PyTorch module by its mode.
            found |= {
                f"{node.name}.{method.name}": signature(method.args)
                for method in node.body
                if isinstance(method, ast.FunctionDef) and method.name not in ("forward", "call")
                if method.name == "__init__" or not method.name.startswith("_")
            }
    return found


@pytest.mark.parametrize("id", IDS)
def test_twins_have_the_same_public_names(id):
    assert public_names(catalogue.source(id, "tf")) == public_names(catalogue.source(id, "torch"))
    assert public_names(catalogue.source(id, "tf")) == sorted(public_names(catalogue.source(id, "tf")))


@pytest.mark.parametrize("id", IDS)
def test_twins_have_equal_signatures(id):
    tf, torch = (signatures(catalogue.source(id, side)) for side in BACKENDS)
    public = public_names(catalogue.source(id, "tf"))
    keep = {key for key in tf.keys() | torch.keys() if key.split(".")[0] in public}
    assert {key: tf.get(key) for key in keep} == {key: torch.get(key) for key in keep}
    assert keep


@pytest.mark.parametrize("side", BACKENDS)
@pytest.mark.parametrize("id", IDS)
def test_every_public_name_has_a_docstring(id, side):
    path = catalogue.source(id, side)
    documented = {
        node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and ast.get_docstring(node)
    }  # fmt: skip
    assert set(public_names(path)) <= documented
    assert ast.get_docstring(parsed(path))


@pytest.mark.parametrize("id", IDS)
def test_difference_tags_are_the_declared_differences(id):
    tags = set()
    for side in BACKENDS:
        for found in TAG.findall(catalogue.source(id, side).read_text()):
            tags |= {tag for tag in found.split(", ") if tag}
    assert tags == {difference.id for difference in catalogue.concept(id).differences}


@pytest.mark.parametrize("id", IDS)
def test_every_exported_function_has_a_case_or_is_built(id):
    concept = catalogue.concept(id)
    used = {case.function for case in concept.cases} | {v.builder for v in concept.variants.values()}
    used |= {name for variant in concept.variants.values() for name in (variant.loss, variant.step)}
    assert set(public_names(catalogue.source(id, "tf"))) <= used


@pytest.mark.parametrize("id", IDS)
def test_every_case_but_an_error_has_an_oracle_and_a_name_of_its_own(id):
    cases = catalogue.concept(id).cases
    assert all((case.oracle is None) == (case.raises is not None) for case in cases)
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize("id", [c.id for c in catalogue.concepts() if c.kind == "model"])
def test_builders_take_the_declared_settings_with_the_declared_defaults(id):
    concept = catalogue.concept(id)
    for builder in {variant.builder for variant in concept.variants.values()}:
        for node in parsed(catalogue.source(id, "torch")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == builder:
                called = [node, *(m for m in node.body if getattr(m, "name", "") == "__init__")][-1].args
                defaults = {
                    a.arg: ast.literal_eval(d) for a, d in zip(called.kwonlyargs, called.kw_defaults, strict=True)
                }
                assert defaults == dict(concept.config)
                break
        else:
            raise AssertionError(f"{id}: no builder {builder}")


def test_four_tensor_concepts_have_at_least_sixty_functions():
    ids = ("tensor_indexing", "tensor_shape_ops", "tensor_reductions", "linear_algebra_ops")
    assert sum(len(public_names(catalogue.source(id, "tf"))) for id in ids) >= 60


def test_backends_are_under_their_size():
    for side in BACKENDS:
        assert len((ROOT / "dualnet" / side / "_backend.py").read_text().splitlines()) <= 260
