"""Gradient flow: why a plain chain of layers loses its gradient with depth, and one with shortcuts keeps it."""

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Exhibit

__all__ = ["CONCEPT"]


def _states(x: Array, weights: Array, shortcut: bool) -> list[Array]:
    states = [x]
    for weight in weights:
        new = np.maximum(states[-1] @ weight, 0.0)
        states.append(states[-1] + new if shortcut else new)
    return states


def _network(x: Array, weights: Array, shortcut: bool) -> Array:
    return _states(x, weights, shortcut)[-1]


def _gradient_norms(x: Array, weights: Array, shortcut: bool) -> Array:
    """The chain rule by hand, from the last layer to the first."""
    states, norms = _states(x, weights, shortcut), []
    upstream = np.ones_like(x)
    for state, weight in zip(states[-2::-1], weights[::-1], strict=True):
        inner = upstream * (state @ weight > 0)
        norms.append(np.sqrt(np.sum((state.T @ inner) ** 2)))
        upstream = inner @ weight.T + (upstream if shortcut else 0.0)
    return np.array(norms[::-1])


def _cases() -> tuple[Case, ...]:
    rng = np.random.default_rng(73)
    x = rng.normal(size=(5, 7)).astype(np.float32).astype(np.float64)
    found = []
    for depth in (1, 3, 31):
        weights = rng.normal(0.0, 0.3, (depth, 7, 7)).astype(np.float32).astype(np.float64)
        for shortcut in (False, True):
            args = {"x": x, "weights": weights, "shortcut": shortcut}
            label = f"{'residual' if shortcut else 'plain'}-{depth}"
            wrt = ("x", "weights") if depth == 3 else ()
            found.append(Case("network", args, _network, wrt=wrt, label=label))
            found.append(Case("gradient_norms", args, _gradient_norms, label=label))
    return tuple(found)


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    rng = np.random.default_rng(5)
    depth, width = 61, 17
    x = rng.normal(size=(29, width))
    weights = rng.normal(0.0, np.sqrt(0.1 / width), (depth, width, width))
    norms = {
        name: call("gradient_norms", x=x, weights=weights, shortcut=shortcut)["value"]
        for name, shortcut in (("plain", False), ("with shortcuts", True))
    }
    curves = {"x": np.arange(1, depth + 1), **norms}
    return (Exhibit("gradient by depth", "lines", curves, x="layer", y="norm of its gradient", scale="log"),)


CONCEPT = Concept(
    module=__name__,
    title="Why very deep residual networks train: gradient flow through shortcuts",
    kind="ops",
    summary="A plain layer passes a gradient on through its weights alone; a shortcut also passes it unchanged.",
    sources=(
        "He, Zhang, Ren, Sun (2016), Identity mappings in deep residual networks, section 2, eq. 5",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.6.1 (nested function classes)",
    ),
    cases=_cases(),
    study=_study,
)
