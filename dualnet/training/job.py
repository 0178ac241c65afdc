"""What a worker is asked to do."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dualnet.interface import Augmentation, BackendName, Concept, Optimizer, Recipe

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

    @classmethod
    def planned(
        cls, concept: Concept, variant: str | None, recipe: Recipe, settings: Mapping[str, Any], **wishes: Any
    ) -> "Job":
        """A recipe for a variant, with the caller's wishes over it; the backend is still to be chosen.

        Args:
            concept: a model.
            variant: its name; the default one if None.
            recipe: how to train.
            settings: of the concept, over the variant's.
            wishes: other values of a job by name; None leaves the recipe's, but there may be no augmentation.
        """
        usual: dict[str, Any] = {
            "data": recipe.data,
            "optimizer": asdict(recipe.optimizer),
            "batch_size": recipe.batch_size,
            "epochs": recipe.epochs,
            "augmentation": asdict(recipe.augmentation) if recipe.augmentation else None,
        }
        return cls(
            backend="tf",
            concept=concept.id,
            variant=variant or concept.default_variant,
            config={**recipe.config, **settings},
            traced_config={**settings, **concept.variant(variant).small},
            **(usual | {name: wish for name, wish in wishes.items() if wish is not None or name == "augmentation"}),
        )

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
