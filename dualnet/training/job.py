"""What a worker is asked to do."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from dualnet.interface import Augmentation, BackendName, Optimizer, Recipe

__all__ = ["Job"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything a worker needs to know; JSON values only."""

    backend: BackendName
    concept: str
    variant: str
    config: dict[str, Any]
    data: str
    data_dir: str | None = None
    download: bool = False
    file_column: str | None = None
    label_column: str | None = None
    optimizer: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 1
    epochs: int = 1
    steps: int | None = None
    """The training ends after so many, if it has not ended before."""
    augmentation: dict[str, Any] | None = None
    seed: int = 0
    shared_noise: bool = False
    """Dropout masks come from `dualnet.noise`, the same on both sides, not from the framework's generator."""
    checkpoint: str | None = None
    """The training goes on from this file where it is there, and saves itself to it."""
    checkpoint_every: float = 60.0
    """Seconds between two such savings within an epoch; there is one after every epoch, too."""
    weights: str | None = None
    """Where the trained weights go."""
    trace: str | None = None
    """Where parity's record goes."""
    traced_config: dict[str, Any] = field(default_factory=dict)
    """The settings of the model that parity compares: of a network of millions of parameters, it would be gigabytes."""
    exhibits: str | None = None

    @property
    def about(self) -> dict[str, Any]:
        """What makes a training what it is: it has to be the same to go on from a checkpoint."""
        values = asdict(self)
        names = ("concept", "variant", "config", "data", "optimizer", "batch_size", "augmentation", "seed")
        return {name: values[name] for name in names}

    @property
    def recipe(self) -> Recipe:
        """How to train."""
        return Recipe(
            data=self.data,
            optimizer=Optimizer.from_dict(self.optimizer),
            batch_size=self.batch_size,
            epochs=self.epochs,
            augmentation=Augmentation(**self.augmentation) if self.augmentation else None,
        )

    def to_json(self) -> str:
        """One line that `Job` can be made from again."""
        return json.dumps(asdict(self))
