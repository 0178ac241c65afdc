"""The course of a training, as values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Epoch", "History", "Progress"]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows.

    Args:
        loss: mean of the training losses of its steps.
        metric: the concept's metric on the test rows, after it.
        seconds: time in training steps alone.
        samples: training rows seen.
    """

    loss: float
    metric: float
    seconds: float
    samples: int


@dataclass
class History:
    """The course of a training: the mean loss of every batch before its step, and every epoch.

    Where several players have a loss each, `losses` has their sums, and `players` each one's own.
    """

    losses: list[float] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    players: dict[str, list[float]] = field(default_factory=dict)

    @property
    def samples_per_second(self) -> float:
        """Training rows per second of step time; the first epoch, with its warm-up, counts only if it is alone."""
        counted = self.epochs[1:] or self.epochs
        seconds = sum(epoch.seconds for epoch in counted)
        return sum(epoch.samples for epoch in counted) / seconds if seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "samples_per_second": self.samples_per_second}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "History":
        """What `to_dict` was made from."""
        players = {name: list(losses) for name, losses in values["players"].items()}
        return cls(list(values["losses"]), [Epoch(**epoch) for epoch in values["epochs"]], players)


@dataclass(frozen=True)
class Progress:
    """Where a training stands: steps done of all steps, the last loss, the last metric if there is one."""

    step: int
    steps: int
    loss: float
    metric: float | None
