"""What carina asks of an adaptor: one learned map of vectors, row by row."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor
from torch.nn import Parameter

__all__ = ["Adaptor"]


@runtime_checkable
class Adaptor(Protocol):
    """A `torch.nn.Module` that maps the last axis from one width to `out`; rows never mix."""

    @property
    def out(self) -> int:
        """Width of what it gives."""
        ...

    def __call__(self, features: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows out"]:
        """The adapted vectors, differentiable."""
        ...

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """What is learned."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What is learned, by name: ``layer.0.weight`` and on, as the authors of RE-tune name it."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take over what another of the same form has learned."""
        ...
