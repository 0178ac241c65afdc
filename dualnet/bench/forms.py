"""What is measured: the forms in which a model can run, and the figures of one of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from dualnet.interface import BackendName

__all__ = ["FORMS", "IMPOSSIBLE", "Measurement", "Task"]

FORMS: Mapping[str, str] = {
    "eager": "operation by operation, as written",
    "graph": "tf.function",
    "compiled": "torch.compile (Inductor), tf.function(jit_compile=True) (XLA)",
    "channels_last": "PyTorch's eager form with channels last in memory",
}
IMPOSSIBLE: Mapping[tuple[BackendName, str], str] = {
    ("torch", "graph"): "PyTorch has no graph without a compiler: see compiled",
    ("tf", "channels_last"): "channels are last in every form of this side",
}
"""What a framework does not have, and why."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker is to measure; JSON values only."""

    backend: BackendName
    form: str
    concept: str
    variant: str
    config: dict[str, Any]
    batch_size: int

    @property
    def name(self) -> str:
        """What it is spoken of as."""
        return f"{self.backend} {self.form}"

    def to_json(self) -> str:
        """One line that `Task` can be made from again."""
        return json.dumps(asdict(self))


@dataclass(kw_only=True)
class Measurement:
    """One side in one form.

    Args:
        backend, form: which.
        batch_size: rows of each call.
        reason: why there are no figures; empty if there are.
        versions: of the framework, with device and threads.
        parameters: how many the model has.
        forward_multiply_adds, step_multiply_adds: of one call, by convolutions and matrix products.
        forward_seconds, step_seconds: of each timed call, in evaluation and in training.
        warm_up_seconds: of the calls before; compiling is in it.
        framework_bytes: the most memory that the process had after importing.
        peak_bytes: the most memory that it had at all.
        product_gflops: the best rate of a large float32 matrix product, in 1e9 floating-point operations per second.
    """

    backend: BackendName
    form: str
    batch_size: int
    reason: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    parameters: int = 0
    forward_multiply_adds: int = 0
    step_multiply_adds: int = 0
    forward_seconds: list[float] = field(default_factory=list)
    step_seconds: list[float] = field(default_factory=list)
    warm_up_seconds: float = 0.0
    framework_bytes: int = 0
    peak_bytes: int = 0
    product_gflops: float = 0.0

    @property
    def forward(self) -> float:
        """Median seconds of a forward pass."""
        return median(self.forward_seconds)

    @property
    def step(self) -> float:
        """Median seconds of a training step."""
        return median(self.step_seconds)

    @property
    def forward_gflops(self) -> float:
        """1e9 floating-point operations per second of a forward pass, two for each multiply-add."""
        return 2e-9 * self.forward_multiply_adds / self.forward

    @property
    def step_gflops(self) -> float:
        """1e9 floating-point operations per second of a training step, two for each multiply-add."""
        return 2e-9 * self.step_multiply_adds / self.step

    def to_dict(self, machine_gflops: float) -> dict[str, Any]:
        """JSON values only; shares are of the machine's best matrix product."""
        if self.reason:
            return {"backend": self.backend, "form": self.form, "reason": self.reason}
        return {
            **asdict(self),
            "forward_median_seconds": self.forward,
            "step_median_seconds": self.step,
            "forward_samples_per_second": self.batch_size / self.forward,
            "step_samples_per_second": self.batch_size / self.step,
            "forward_gflops": self.forward_gflops,
            "step_gflops": self.step_gflops,
            "forward_share": self.forward_gflops / machine_gflops,
            "step_share": self.step_gflops / machine_gflops,
        }
