"""What carina asks of an Adaptor over two encoders, and the forms there are."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor
from torch.nn import Parameter

from carina.adaptors.all_pairs import AllPairs
from carina.adaptors.cross_modal import CrossModal
from carina.adaptors.projections import Projections
from carina.adaptors.sequences import Sequences
from carina.adaptors.value_only import ValueOnly

__all__ = ["CrossModalConfig", "CrossModalModule", "Embeds"]

CrossModalConfig = CrossModal | ValueOnly | AllPairs | Projections
"""Every form; its class name is its ``kind`` in JSON and TOML."""


@runtime_checkable
class CrossModalModule(Protocol):
    """A `torch.nn.Module` that says how well texts and images go together."""

    @property
    def logit_scale(self) -> Parameter:
        """Logarithm of the factor of similarities."""
        ...

    def represent_images(self, images: Sequences) -> Sequences:
        """What `compare` takes of images; an image's depends on no other item."""
        ...

    def represent_texts(self, texts: Sequences) -> Sequences:
        """What `compare` takes of texts; a text's depends on no other item."""
        ...

    def compare(self, images: Sequences, texts: Sequences) -> Float[Tensor, "texts images"]:
        """Similarity from -1 to 1 of what the two methods above gave."""
        ...

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """What is learned, `logit_scale` included."""
        ...

    def train(self, mode: bool = True) -> Any:
        """Drop numbers, or not."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What is learned, by name."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take over what another of the same form has learned."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """An Adaptor that says its part of an image, or of a text, in one vector."""

    def embed_images(self, images: Sequences) -> Float[Tensor, "images width"]:
        """One L2-normalised vector an image."""
        ...

    def embed_texts(self, texts: Sequences) -> Float[Tensor, "texts width"]:
        """One L2-normalised vector a text."""
        ...
