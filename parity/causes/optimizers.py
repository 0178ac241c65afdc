"""Why the parameters differ after a step: what the optimizers do with equal gradients."""

from collections.abc import Iterable

import numpy as np

from parity.causes.cause import Cause, Hypothesis, assume, keyword, number, setting
from parity.layer import Fault

__all__ = ["CAUSES"]

SGD, ADAMS, RMS, ADAGRAD, ADADELTA = ("sgd",), ("adam", "adamw"), ("rmsprop",), ("adagrad",), ("adadelta",)
ALL = (*SGD, *ADAMS, *RMS, *ADAGRAD, *ADADELTA)
UPDATE = ("update", "forward", "train")
EPSILONS = (1e-8, 1e-7, 1e-10, 1e-6, 1e-3, 1e-5, 1e-4, 0.0)


def _rates(fault: Fault) -> Iterable[float]:
    """The usual ones, and the one that the first steps' ratio tells."""
    p, mine, theirs = fault.a.inputs[0], fault.a.outputs[0], fault.b.outputs[0]
    rate = fault.a.layer.settings["learning_rate"]
    usual = [0.1, 0.01, 0.001, 0.0001, 1.0]
    if mine.shape == theirs.shape and np.ndim(rate) == 0:
        step, other = mine[0] - p, theirs[0] - p
        usual.append(number(float(rate) * float((step * other).sum() / (step**2).sum())))
    return usual


def _late(fault: Fault) -> Iterable[Hypothesis]:
    """A schedule one step late or early."""
    rates, theirs = (np.asarray(side.layer.settings.get("learning_rate", 0.0), float) for side in (fault.a, fault.b))
    if rates.ndim:
        shifted = {"one step late": np.r_[rates[:1], rates[:-1]], "one step early": np.r_[rates[1:], rates[-1:]]}
        for then, new in shifted.items():
            specific = np.array_equal(theirs, new)
            yield assume(fault, "on time", then, specific=specific, settings={"learning_rate": new})


def _accumulated(fault: Fault) -> Iterable[Hypothesis]:
    p, gradients, *norms = fault.a.inputs
    yield assume(fault, "of each step", "summed over all steps so far", inputs=(p, gradients.cumsum(0), *norms))


def _negative(fault: Fault) -> Iterable[Hypothesis]:
    p, gradients, *norms = fault.a.inputs
    yield assume(fault, "+1", "-1", inputs=(p, -gradients, *norms))


def _clipped(fault: Fault) -> Iterable[Hypothesis]:
    names = ("clip_norm", "clip_value", "global_clip")
    mine, theirs = (
        {name: side.layer.settings.get(name) for name in names} for side in (fault.a, fault.b)
    )  # fmt: skip
    if mine != theirs:
        yield assume(fault, _words(mine), _words(theirs), specific=True, settings=theirs)
    none = dict.fromkeys(names)
    if mine != none != theirs:
        yield assume(fault, _words(mine), _words(none), settings=none)
    if mine == none:
        for value in (1.0, 0.5, 5.0):
            for name in names:
                new = {**none, name: value}
                yield assume(fault, _words(none), _words(new), settings=new)


def _scope(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = fault.a.layer.settings, fault.b.layer.settings
    for one, other in (("clip_norm", "global_clip"), ("global_clip", "clip_norm")):
        if mine.get(one) is not None and mine.get(other) is None:
            specific = theirs.get(other) == mine[one] and theirs.get(one) is None
            yield assume(fault, SCOPES[one], SCOPES[other], specific=specific,
                         settings={one: None, other: mine[one]})  # fmt: skip


SCOPES = {"clip_norm": "each tensor", "global_clip": "all tensors together", "clip_value": "each value"}


def _words(clips: dict[str, float | None]) -> str:
    given = [f"{SCOPES[name]} at {value:g}" for name, value in clips.items() if value is not None]
    return ", ".join(given) or "nothing"


def _coupling(fault: Fault) -> Iterable[Hypothesis]:
    words = {True: "decoupled (AdamW)", False: "through the gradient (L2)"}
    mine, theirs = (
        side.layer.settings.get("decoupled", side.layer.kind == "adamw") for side in (fault.a, fault.b)
    )  # fmt: skip
    yield assume(fault, words[mine], words[not mine], specific=mine != theirs, settings={"decoupled": not mine})


def _betas(fault: Fault) -> Iterable[tuple[float, float]]:
    first, second = fault.a.layer.settings.get("betas", (0.9, 0.999))
    return [(0.9, 0.999), (0.5, 0.999), (0.0, 0.99), (second, first), (first, 0.98), (first, 0.99), (first, 0.95)]


def _decays(fault: Fault) -> Iterable[float]:
    mine = fault.a.layer.settings.get("weight_decay", 0.0)
    return (0.0, 0.01, 0.004, 1e-4, 5e-4, 0.1, mine / 2, mine * 2)


def _optimizer(id: str, kinds: tuple[str, ...], title: str, tried: tuple[str, object, object], text: str,
               torch: str, keras: str) -> Cause:  # fmt: skip
    """A cause that is another value of a setting: its name, its default, and the guesses."""
    name, default, guesses = tried
    remedies = keyword(torch), keyword(keras)
    generator = setting(name, default, guesses)  # type: ignore[arg-type]
    return Cause(f"optimizer.{id}", kinds, title, generator, text, *remedies, UPDATE)


FORMULA = ("the update written out: {}", "the update written out: {}")

CAUSES = (
    _optimizer("epsilon", (*ADAMS, *RMS, *ADAGRAD, *ADADELTA), "the epsilons differ", ("eps", None, EPSILONS),
               "epsilon {}", "eps", "epsilon"),
    Cause("optimizer.epsilon_place", (*ADAMS, *RMS, *ADAGRAD),
          "epsilon is added at another place: before the bias correction or inside the root in Keras",
          setting("eps_inside", False, (True, False)), "epsilon inside: {}", *FORMULA, UPDATE),
    Cause("optimizer.bias_correction", ADAMS, "one side does not correct the bias of the moments",
          setting("bias_correction", True, (False, True)), "bias correction {}", *FORMULA, UPDATE),
    _optimizer("amsgrad", ADAMS, "one side keeps the largest second moment", ("amsgrad", False, (True, False)),
               "amsgrad {}", "amsgrad", "amsgrad"),
    Cause("optimizer.betas", ADAMS, "the betas differ", setting("betas", (0.9, 0.999), _betas), "betas {}",
          keyword("betas"), "keras.optimizers.Adam(beta_1, beta_2) = {}", UPDATE),
    _optimizer("rho", (*RMS, *ADADELTA), "the decays of the squares differ", ("rho", None, (0.9, 0.99, 0.95)),
               "rho {}", "alpha", "rho"),
    _optimizer("centered", RMS, "one side subtracts the mean of the gradients", ("centered", False, (True, False)),
               "centered {}", "centered", "centered"),
    _optimizer("initial_accumulator", ADAGRAD, "the accumulators start elsewhere: at 0 in PyTorch, at 0.1 in Keras",
               ("initial_accumulator", 0.0, (0.0, 0.1)), "initial accumulator {}", "initial_accumulator_value",
               "initial_accumulator_value"),
    Cause("optimizer.momentum_form", (*SGD, *RMS),
          "the learning rate stands outside the velocity (PyTorch) or inside it (Keras)",
          setting("momentum_form", "torch", ("keras", "torch")), "form {}", *FORMULA, UPDATE),
    _optimizer("nesterov", SGD, "one side looks ahead (Nesterov)", ("nesterov", False, (True, False)), "nesterov {}",
               "nesterov", "nesterov"),
    Cause("optimizer.dampening", SGD, "one side dampens the gradient in the velocity",
          setting("dampening", 0.0, lambda fault: (0.0, fault.a.layer.settings.get("momentum", 0.0), 0.1, 0.5)),
          "dampening {}", keyword("dampening"), "Keras knows no dampening: {}", UPDATE),
    _optimizer("momentum", (*SGD, *RMS), "the momenta differ", ("momentum", 0.0, (0.0, 0.9, 0.99, 0.5)), "momentum {}",
               "momentum", "momentum"),
    Cause("optimizer.decay_coupling", ALL, "weight decay goes through the gradient on one side only", _coupling,
          "weight decay {}", "torch.optim.AdamW is decoupled, Adam is not: {}",
          "weight_decay= is decoupled, a kernel_regularizer is not: {}", UPDATE),
    Cause("optimizer.decay_times_rate", ALL, "one side does not multiply decoupled decay by the learning rate",
          setting("decay_times_rate", True, (False, True)), "times the learning rate: {}", *FORMULA, UPDATE),
    _optimizer("weight_decay", ALL, "the weight decays differ", ("weight_decay", 0.0, _decays), "weight decay {}",
               "weight_decay", "weight_decay"),
    Cause("optimizer.clip_scope", ALL, "one side clips each tensor by its own norm, the other all by theirs", _scope,
          "clipped: {}", "nn.utils.clip_grad_norm_ takes all tensors together: {}",
          "clipnorm= is for each tensor, global_clipnorm= for all: {}", UPDATE),
    Cause("optimizer.clip_epsilon", ALL, "PyTorch adds 1e-6 to the norm it clips by",
          setting("clip_eps", 0.0, (1e-6, 0.0)), "added {}", "nn.utils.clip_grad_norm_ adds {}",
          "tf.clip_by_global_norm adds {}", UPDATE),
    Cause("optimizer.clipping", ALL, "the gradients are clipped in other ways", _clipped, "clips {}",
          "nn.utils.clip_grad_norm_ or clip_grad_value_: {}", "clipnorm=, clipvalue= or global_clipnorm=: {}", UPDATE),
    Cause("optimizer.schedule", ALL, "the schedule is off by one step", _late, "schedule {}",
          "scheduler.step() after optimizer.step(): {}", "the schedule sees iterations from 0: {}", UPDATE),
    Cause("optimizer.gradients_accumulated", ALL, "the gradients are not set to zero between steps", _accumulated,
          "gradients {}", "optimizer.zero_grad() before each backward(): {}", "a new GradientTape for each step: {}",
          UPDATE),
    Cause("optimizer.state_reset", ALL, "the optimizer was made anew between steps",
          setting("reset_each_step", False, (True, False)), "state lost between steps: {}",
          "make the optimizer once: state lost {}", "make the optimizer once: state lost {}", UPDATE),
    Cause("optimizer.sign", ALL, "one side climbs instead of descending", _negative, "gradients times {}",
          "minimise: gradients times {}", "minimise: gradients times {}", UPDATE),
    _optimizer("learning_rate", ALL, "the learning rates differ", ("learning_rate", None, _rates), "learning rate {}",
               "lr", "learning_rate"),
)  # fmt: skip
