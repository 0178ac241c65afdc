"""A siamese network in PyTorch.

    left, right -> the same three dense layers -> Euclidean distance -> contrastive loss

Source: Hadsell, Chopra, LeCun (2006), equation 4; Raschka, deeplearning-models, metric/siamese-1.
On this side a module that is called twice shares its weights; so it is in Keras.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dualnet.concepts.metric_and_ordinal.siamese_mlp import MARGIN, SiameseOutput

__all__ = ["Siamese", "contrastive_loss", "euclidean_distance", "siamese_loss"]


def euclidean_distance(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Euclidean distance of each row to its partner; its gradient is 0 where they are equal.

    Args:
        left, right: (N, F).

    Returns:
        (N,).
    """
    squared = torch.sum(torch.square(left - right), dim=1)
    apart = squared > 0
    root = torch.sqrt(torch.where(apart, squared, torch.ones_like(squared)))  # differs: D205
    return torch.where(apart, root, torch.zeros_like(squared))


def contrastive_loss(distance: torch.Tensor, same: torch.Tensor, margin: float) -> torch.Tensor:
    """Squared distance of pairs of one class, squared lack of distance of others, averaged over the pairs.

    Args:
        distance: (N,).
        same: (N,), 1 for a pair of one class, 0 for another.
        margin: distance from which on a pair of different classes costs nothing.

    Returns:
        (), in squared units of the distance.
    """
    lack = F.relu(margin - distance)  # differs: D201
    return torch.mean(torch.where(same == 1, torch.square(distance), torch.square(lack)))


def siamese_loss(outputs: SiameseOutput, same: torch.Tensor) -> torch.Tensor:
    """Contrastive loss with the concept's margin, the mean over the pairs."""
    return contrastive_loss(outputs.distance, same, MARGIN)


class Siamese(nn.Module):
    """One multilayer perceptron for two images.

    Args:
        num_features: pixels of an image.
        hidden: units of the hidden layers.
        embedding: dimensions of an embedding.
        relu_embedding: cut embeddings off below 0.

    Input shape: left and right, (N, num_features) each, in 0-1.
    Output shape: same (N,), integers; distance (N,); left and right (N, embedding).
    """

    def __init__(
        self,
        *,
        num_features: int = 784,
        hidden: tuple[int, ...] = (256, 256),
        embedding: int = 2,
        relu_embedding: bool = False,
    ) -> None:
        super().__init__()
        sizes = (num_features, *hidden)
        self.hidden = nn.ModuleList(nn.Linear(sizes[i], units) for i, units in enumerate(hidden))
        self.embedding = nn.Linear(sizes[-1], embedding)
        self.relu_embedding = relu_embedding
        for layer in (*self.hidden, self.embedding):
            nn.init.xavier_uniform_(layer.weight)  # differs: D051
            nn.init.zeros_(layer.bias)  # differs: D052

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> SiameseOutput:
        """Embeddings of both images of each pair, and their distance."""
        left, right = self.embed(left), self.embed(right)  # N embedding
        distance = euclidean_distance(left, right)  # N
        return SiameseOutput((distance < MARGIN / 2).long(), distance, left, right)

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """Embeddings of a batch of images."""
        x = pixels
        for layer in self.hidden:
            x = F.relu(layer(x))  # N F
        x = self.embedding(x)  # N embedding
        return F.relu(x) if self.relu_embedding else x
