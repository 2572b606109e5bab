"""What type-checks in api.py also works."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import torch

from carina.adaptors import Adaptor, readout_bytes
from carina.learning import Strategy


def loaded() -> ModuleType:
    """The module beside this one, of which mypy sees the same text."""
    spec = spec_from_file_location("api", Path(__file__).with_name("api.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


API = loaded()
TestPrevalence = API.TestPrevalence  # collected here, since api.py is no test file


def test_the_typed_way_leads_from_a_manifest_to_a_prediction(tmp_path: Path) -> None:
    said = API.from_manifest_to_prediction(tmp_path)

    assert len(said.images) == 3
    assert not said.set_aside


def test_a_strategy_of_somebody_elses_is_one() -> None:
    readout = API.followed().readout

    assert isinstance(API.Prevalence(), Strategy)
    assert set(readout_bytes(readout)) == {"head"}


def test_an_adaptor_of_somebody_elses_is_one() -> None:
    answer = API.read_with_own_adaptor(torch.ones(3, 32))

    assert isinstance(API.Doubled(dim=4), Adaptor)
    assert answer.difference.shape == (3, 2)
