"""An Adaptor for runs: drawn and never taught, over toy films and the prompts of a text encoder."""

import torch

from carina.adaptors import CrossModal, PretrainedAdaptor, Reads
from carina.encoders import load_encoder


def adaptor(
    *, seed: int = 0, reads: Reads = Reads.VECTORS, text: str = "minilm-l6"
) -> PretrainedAdaptor:
    form = CrossModal(reads=reads, width=24, heads=2, hidden=16, layers=1)
    image_card, text_card = load_encoder("toy-image").card, load_encoder(text).card
    generator = torch.Generator().manual_seed(seed)
    return PretrainedAdaptor(
        config=form,
        module=form.build(
            image_dim=image_card.dim, text_dim=text_card.dim, generator=generator
        ).eval(),
        image_dim=image_card.dim,
        text_dim=text_card.dim,
        image_encoder=image_card.fingerprint,
        text_encoder=text_card.fingerprint,
        data="",
        pairs=0,
        patients=0,
    )
