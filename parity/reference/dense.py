"""Dense layers and embeddings: a table of weights and one product."""

import numpy as np

from parity.reference.kind import Array, Call, Kind

__all__ = ["KINDS"]


def dense(call: Call) -> Array:
    """X W^T + b along the last axis; weight (out, in)."""
    bias = call.get("bias")
    product = call.x @ call.parameters["weight"].T
    return product if bias is None else product + bias


def embedding(call: Call, padding_idx: int | None = None) -> Array:
    """Row i of the weight for index i; the padding row only blocks a gradient."""
    indices = np.asarray(call.x).astype(np.int64)
    if indices.size and not 0 <= indices.min() <= indices.max() < len(call.parameters["weight"]):
        raise IndexError(f"expected indices below {len(call.parameters['weight'])}, got {indices.max()}")
    return call.parameters["weight"][indices]


KINDS = {"dense": Kind(dense, "weight|bias"), "embedding": Kind(embedding, "weight")}
