"""Forward and backward propagation through one hidden layer, in PyTorch.

    forward:  z = W1 x,  h = tanh(z),  o = W2 h,  L = |o - y|^2 / 2,  s = decay / 2 (|W1|^2 + |W2|^2),  J = L + s

    backward: dJ/dL = dJ/ds = 1
              dJ/do = o - y,  dJ/dy = y - o
              dJ/dW2 = dJ/do h^T + decay W2
              dJ/dh = W2^T dJ/do
              dJ/dz = dJ/dh (1 - h^2)
              dJ/dW1 = dJ/dz x^T + decay W1
              dJ/dx = W1^T dJ/dz

Source: Dive into Deep Learning, section 5.3.
On this side values that are no leaves of the graph have no gradient afterwards, unless it is asked for.
"""

import torch

from dualnet.concepts.perceptrons.forward_backward_propagation import Gradients, Values

__all__ = ["automatic_gradients", "intermediate_values", "manual_chain_rule"]


def intermediate_values(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    hidden_weight: torch.Tensor,
    output_weight: torch.Tensor,
    decay: float,
) -> Values:
    """The forward pass of one row, with every value on the way.

    Args:
        inputs: (I,).
        targets: (K,).
        hidden_weight: (H, I).
        output_weight: (K, H).
        decay: how strong the penalty on the weights is.
    """
    hidden_score = hidden_weight @ inputs  # H
    hidden = torch.tanh(hidden_score)
    output = output_weight @ hidden  # K
    loss = (output - targets).square().sum() / 2
    penalty = decay / 2 * (hidden_weight.square().sum() + output_weight.square().sum())
    return Values(hidden_score, hidden, output, loss, penalty, loss + penalty)


def manual_chain_rule(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    hidden_weight: torch.Tensor,
    output_weight: torch.Tensor,
    decay: float,
) -> Gradients:
    """The backward pass of one row by hand; arguments as those of `intermediate_values`."""
    values = intermediate_values(inputs, targets, hidden_weight, output_weight, decay)
    by_loss = by_penalty = torch.ones_like(values.objective)
    by_output = by_loss * (values.output - targets)  # K
    by_output_weight = torch.outer(by_output, values.hidden) + by_penalty * decay * output_weight  # K H
    by_hidden = output_weight.T @ by_output  # H
    by_hidden_score = by_hidden * (1 - values.hidden.square())  # H
    by_hidden_weight = torch.outer(by_hidden_score, inputs) + by_penalty * decay * hidden_weight  # H I
    by_inputs = hidden_weight.T @ by_hidden_score  # I
    return Gradients(
        loss=by_loss,
        penalty=by_penalty,
        output=by_output,
        targets=-by_output,
        output_weight=by_output_weight,
        hidden=by_hidden,
        hidden_score=by_hidden_score,
        hidden_weight=by_hidden_weight,
        inputs=by_inputs,
    )


def automatic_gradients(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    hidden_weight: torch.Tensor,
    output_weight: torch.Tensor,
    decay: float,
) -> Gradients:
    """The same by automatic differentiation; arguments as those of `intermediate_values`."""
    given = {"inputs": inputs, "targets": targets, "hidden_weight": hidden_weight, "output_weight": output_weight}
    given = {name: tensor.detach().requires_grad_() for name, tensor in given.items()}
    values = intermediate_values(**given, decay=decay)
    every = {**given, **values._asdict()}
    sources = [every[name] for name in Gradients._fields]
    return Gradients(*torch.autograd.grad(values.objective, sources))  # differs: X-gradients-between
