"""Parameters: found by name, set by rules of one's own, shared by two places of a network."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "EDITED", "Parameters", "Tied"]


class Parameters(NamedTuple):
    """Those of two dense layers, in the canonical layout."""

    hidden_weight: Any
    """(H, F)."""
    hidden_bias: Any
    """(H,)."""
    output_weight: Any
    """(K, H)."""
    output_bias: Any
    """(K,)."""


class Tied(NamedTuple):
    """What a layer does that is used twice."""

    output: Any
    """(N, F)."""
    gradient: Any
    """(F, F): of the summed output by the shared weight."""
    first_use: Any
    """(F, F): by the weight of the first layer, if there were two."""
    second_use: Any
    """(F, F): by that of the second."""
    parameters: Any
    """() int64: how many arrays the optimizer is given."""


EDITED = 42.0
"""A constant that weights are set to, as in the source."""

# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(37)
_X = _RNG.normal(size=(5, 3))
_SQUARE = _RNG.normal(size=(3, 3))
_BIAS = _RNG.normal(size=3)
_GIVEN = Parameters(*(_RNG.normal(size=shape) for shape in ((7, 3), (7,), (2, 7), (2,))))
_DRAWS = _RNG.uniform(size=(7, 3))
_EDGES = np.array([[0.0, 0.25, 0.75], [0.5, 0.9375, 0.2421875]])


# --- the third opinion ---------------------------------------------------------------------------------------


def _custom(draws: Array) -> Array:
    return np.where(np.abs(20 * draws - 10) >= 5, 20 * draws - 10, 0)


def _by_layer(draws: Array, classes: int) -> Parameters:
    units, inputs = draws.shape
    bound = np.sqrt(6 / (inputs + units))
    return Parameters(
        (2 * draws - 1) * bound,
        np.zeros(units, draws.dtype),
        np.full((classes, units), EDITED, draws.dtype),
        np.ones(classes, draws.dtype),
    )


def _edited(weight: Array) -> Array:
    found = weight + 1
    found[0, 0] = EDITED
    return found


def _tied(x: Array, weight: Array, bias: Array) -> Tied:
    """The chain rule by hand."""
    hidden = np.tanh(x @ weight.T + bias)
    output = np.tanh(hidden @ weight.T + bias)
    inner = 1 - output**2
    second = inner.T @ hidden
    first = ((inner @ weight) * (1 - hidden**2)).T @ x
    return Tied(output, first + second, first, second, np.array(2))


CONCEPT = Concept(
    module=__name__,
    title="Parameter access, custom initialisation, tying",
    kind="procedure",
    summary="Parameters have dotted names, start as one likes, and one of them may stand in several places.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 6.2 and 6.3",
        "Glorot, Bengio (2010), Understanding the difficulty of training deep feedforward networks, eq. 16",
    ),
    differences=(
        Difference("D008", "layout of a dense weight", tf="(in, out)", torch="(out, in)", ours="(out, in)"),
        Difference(
            "D320",
            "one parameter in two places",
            tf="one layer called twice: it has one name",
            torch="two layers whose attribute is the same Parameter: parameters() has it once, state_dict twice",
            ours="one array to the optimizer, and a gradient that is the sum over the uses",
            demo=Demo(
                tf="""
                    inputs = keras.Input((3,))
                    layer = keras.layers.Dense(3, use_bias=False, name="first")
                    network = keras.Model(inputs, layer(layer(inputs)))
                    [weight.path for weight in network.weights]
                """,
                torch="""
                    first, second = torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3, bias=False)
                    second.weight = first.weight
                    list(torch.nn.Sequential(first, second).state_dict())
                """,
            ),
        ),
        Difference(
            "X-parameter-names",
            "names",
            tf="hidden/kernel: a path, from the layer's name",
            torch="hidden.weight: from the attribute's name",
            ours="PyTorch's",
            demo=Demo(
                tf="""
                    layer = keras.layers.Dense(3, name="hidden")
                    layer(x)
                    [weight.path for weight in layer.weights]
                """,
                torch="""
                    network = torch.nn.Module()
                    network.hidden = torch.nn.Linear(7, 3)
                    [name for name, _ in network.named_parameters()]
                """,
            ),
        ),
        Difference(
            "X-initializer",
            "a rule of one's own for the first weights",
            tf="a function of shape and dtype, given to the layer",
            torch="a function of the parameter, called on it after the layer is made",
            ours="as each side is used to",
            demo=Demo(
                tf="""
                    given = []

                    def rule(shape, dtype=None):
                        given.append(type(shape).__name__)
                        return tf.ones(shape, dtype)

                    keras.layers.Dense(3, kernel_initializer=rule)(x)
                    given
                """,
                torch="""
                    given = []

                    def rule(parameter):
                        given.append(type(parameter).__name__)
                        torch.nn.init.ones_(parameter)

                    rule(torch.nn.Linear(7, 3).weight)
                    given
                """,
            ),
        ),
        Difference(
            "X-parameter-write",
            "new numbers for a parameter",
            tf="assign, at any time",
            torch="in place, where no gradient is followed",
            ours="as each side is used to",
            demo=Demo(
                tf="""
                    layer = keras.layers.Dense(3)
                    layer(x)
                    layer.bias.assign([1.0, 2.0, 3.0])
                    layer.bias[:]
                """,
                torch="""
                    layer = torch.nn.Linear(7, 3)
                    layer(x)
                    layer.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
                    layer.bias[:]
                """,
            ),
        ),
    ),
    cases=(
        Case("named_access", _GIVEN._asdict(), Parameters),
        Case("custom_init", {"draws": _DRAWS}, _custom),
        Case("custom_init", {"draws": _EDGES}, _custom, label="edges"),  # 0.25 and 0.75 become -5 and 5: kept
        Case("init_by_layer", {"draws": _DRAWS, "classes": 2}, _by_layer),
        Case("edited", {"weight": _GIVEN.output_weight}, _edited),
        Case("tied_parameters", {"x": _X, "weight": _SQUARE, "bias": _BIAS}, _tied),
        Case("tied_parameters", {"x": _X[:0], "weight": _SQUARE, "bias": _BIAS}, _tied, label="no_row"),
    ),
)
