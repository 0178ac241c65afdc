import pytest

import dualnet
from dualnet import catalogue
from dualnet.interface import ConceptError, ConfigError


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """An empty project in which files can be put."""
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    catalogue._paths.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    catalogue._paths.cache_clear()


def put(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")


def test_a_missing_twin_names_both_paths(tree):
    put(tree, "concepts/linear/x.py", "tf/linear/x.py")
    with pytest.raises(ConceptError, match=r"concepts/linear/x.py has no twin: expected .*torch/linear/x.py"):
        dualnet.concepts()


def test_a_repeated_name_names_both_paths(tree):
    for folder in ("concepts", "tf", "torch"):
        put(tree, f"{folder}/linear/x.py", f"{folder}/convnets/x.py")
    with pytest.raises(ConceptError, match=r"concepts/linear/x.py and .*concepts/convnets/x.py"):
        dualnet.concepts()


def test_an_unknown_chapter_is_refused(tree):
    for folder in ("concepts", "tf", "torch"):
        put(tree, f"{folder}/lineer/x.py")
    with pytest.raises(ConceptError, match="'lineer' is no chapter"):
        dualnet.concepts()


def test_concepts_come_in_the_order_of_the_chapters():
    chapters = [catalogue.CHAPTERS.index(concept.chapter) for concept in dualnet.concepts()]
    assert chapters == sorted(chapters)
    assert {"lenet", "tensor_indexing"} <= {concept.id for concept in dualnet.concepts()}


def test_an_unknown_concept_names_the_closest():
    with pytest.raises(ConceptError, match="did you mean lenet"):
        dualnet.concept("LeNet5")


def test_unknown_backends_variants_and_kinds_are_refused_before_any_framework_is_loaded():
    with pytest.raises(ConfigError, match="choose one of 'tf', 'torch'"):
        dualnet.build("lenet", backend="jax")
    with pytest.raises(ConfigError, match="choose one of 'tf', 'torch'"):
        dualnet.load("jax")
    with pytest.raises(ConceptError, match="no variant 'x': choose one of relu_max"):
        dualnet.build("lenet", backend="torch", variant="x")
    with pytest.raises(ConceptError, match="builds no model"):
        dualnet.build("tensor_indexing", backend="torch")


def test_build_and_direct_import_give_the_same_class(both):
    from dualnet.tf.convnets.lenet import LeNet as KerasLeNet
    from dualnet.torch.convnets.lenet import LeNet

    assert type(dualnet.build("lenet", backend="torch")) is LeNet
    assert type(dualnet.build("lenet", backend="tf")) is KerasLeNet


def test_the_version_is_the_installed_one():
    from importlib.metadata import version

    assert dualnet.__version__ == version("dualnet")
    with pytest.raises(AttributeError):
        dualnet.no_such_name  # noqa: B018
