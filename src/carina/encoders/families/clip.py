"""CLIP under OpenAI's parameter names, CheXzero among them: both towers out of one file.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021;
Tiu et al., Expert-level detection of pathologies from unannotated chest X-ray images via
self-supervised learning, Nature Biomedical Engineering 2022, whose checkpoints are such files.
Vision transformers of any size are read, the sizes from the tensors' shapes, a head for every 64
channels; the activation is the quick GELU of OpenAI's training. The tokens are the patches after
the last norm, not projected, as open_clip gives them. OpenAI's own archives hold a program besides:
save their ``state_dict``.

CheXzero shrinks films to 320 pixels first and those to 224 without antialiasing; here they are
shrunk once, which moves a prepared pixel by 0.007 of the deviation on average (22 films of 512
pixels; correlation above 0.999).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from carina.core import Mismatch, digest_bytes, fingerprint
from carina.encoders.card import EncoderCard, Exposure, Preprocess
from carina.encoders.clip_tokens import clip_tokens
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, FrozenTexts
from carina.encoders.protocol import Encoded
from carina.encoders.weights import Migration, fill, migrated, read_tensors, weights_file

__all__ = ["CHEXZERO_IMAGE", "CHEXZERO_TEXT", "OPENAI_IMAGE", "OPENAI_TEXT"]

_FILES = ("model.safetensors", "model.pt", "pytorch_model.bin")
_VISUAL = "visual."
_TEMPERATURE = frozenset({"logit_scale"})
_HEAD = 64  # channels of a head of attention
_NAMES = Migration(
    drop=(r"(.*\.)?position_ids", "input_resolution", "context_length", "vocab_size")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """The layers of one file; ViT-B/32's wherever a name is missing, which `fill` then tells."""

    patch: int
    grid: int
    wide: int
    deep: int
    dim: int
    words: int
    length: int
    text_wide: int
    text_deep: int


def _sizes(tensors: Mapping[str, Tensor]) -> _Sizes:
    def shape(name: str, usual: tuple[int, ...]) -> tuple[int, ...]:
        given = tuple(tensors[name].shape) if name in tensors else ()
        return given if len(given) == len(usual) else usual

    def depth(beginning: str) -> int:
        here = {
            name.removeprefix(beginning).partition(".")[0]
            for name in tensors
            if name.startswith(beginning)
        }
        return len(here) or 12

    wide, _, patch, _ = shape("visual.conv1.weight", (768, 3, 32, 32))
    places, _ = shape("visual.positional_embedding", (50, 768))
    _, dim = shape("visual.proj", (768, 512))
    words, text_wide = shape("token_embedding.weight", (49408, 512))
    length, _ = shape("positional_embedding", (77, 512))
    return _Sizes(
        patch=patch,
        grid=max(1, isqrt(max(0, places - 1))),
        wide=wide,
        deep=depth("visual.transformer.resblocks."),
        dim=dim,
        words=words,
        length=length,
        text_wide=text_wide,
        text_deep=depth("transformer.resblocks."),
    )


class _Attention(nn.Module):
    """Heads of 64 channels; query, key and value in one matrix."""

    def __init__(self, width: int, causal: bool) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.heads = width // _HEAD
        self.causal = causal

    def forward(
        self, x: Float[Tensor, "items places width"]
    ) -> Float[Tensor, "items places width"]:
        mixed = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = (
            part.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
            for part in mixed.chunk(3, dim=-1)
        )
        heard = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        out: Tensor = self.out_proj(heard.transpose(1, 2).flatten(2))
        return out


class _QuickGelu(nn.Module):
    def forward(self, x: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        return x * torch.sigmoid(1.702 * x)


class _Block(nn.Module):
    def __init__(self, width: int, causal: bool) -> None:
        super().__init__()
        self.attn = _Attention(width, causal)
        self.ln_1 = nn.LayerNorm(width)
        layers = {
            "c_fc": nn.Linear(width, 4 * width),
            "gelu": _QuickGelu(),
            "c_proj": nn.Linear(4 * width, width),
        }
        self.mlp = nn.Sequential()
        for name, layer in layers.items():
            self.mlp.add_module(name, layer)
        self.ln_2 = nn.LayerNorm(width)

    def forward(
        self, x: Float[Tensor, "items places width"]
    ) -> Float[Tensor, "items places width"]:
        x = x + self.attn(self.ln_1(x))
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


def _transformer(width: int, depth: int, *, causal: bool) -> nn.ModuleDict:
    return nn.ModuleDict(
        {"resblocks": nn.Sequential(*(_Block(width, causal) for _ in range(depth)))}
    )


class _Visual(nn.Module):
    """Patches and a class token through a transformer; the class token is projected."""

    def __init__(self, sizes: _Sizes) -> None:
        super().__init__()
        wide = sizes.wide
        self.conv1 = nn.Conv2d(3, wide, sizes.patch, stride=sizes.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(wide))
        self.positional_embedding = nn.Parameter(torch.zeros(1 + sizes.grid**2, wide))
        self.ln_pre = nn.LayerNorm(wide)
        self.transformer = _transformer(wide, sizes.deep, causal=False)
        self.ln_post = nn.LayerNorm(wide)
        self.proj = nn.Parameter(torch.zeros(wide, sizes.dim))

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        # not len(images): an export would take it for a constant
        first = self.class_embedding.expand(images.shape[0], 1, -1)
        x = torch.cat([first, patches], dim=1) + self.positional_embedding
        x = self.transformer["resblocks"](self.ln_pre(x))
        x = self.ln_post(x)
        return Encoded(pooled=x[:, 0] @ self.proj, tokens=x[:, 1:])


class _Films(nn.Module):
    """The image tower under its name in the file."""

    def __init__(self, sizes: _Sizes) -> None:
        super().__init__()
        self.visual = _Visual(sizes)

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        found: Encoded = self.visual(images)
        return found


class _Texts(nn.Module):
    """The end of the text, which alone has read all of it, projected."""

    def __init__(self, sizes: _Sizes) -> None:
        super().__init__()
        wide = sizes.text_wide
        self.token_embedding = nn.Embedding(sizes.words, wide)
        self.positional_embedding = nn.Parameter(torch.zeros(sizes.length, wide))
        self.transformer = _transformer(wide, sizes.text_deep, causal=True)
        self.ln_final = nn.LayerNorm(wide)
        self.text_projection = nn.Parameter(torch.zeros(wide, sizes.dim))

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts dim"]:
        x = self.token_embedding(numbers) + self.positional_embedding[: numbers.shape[1]]
        x = self.ln_final(self.transformer["resblocks"](x))
        # the end has the highest number; what upstream pads with behind it changes nothing
        ends = numbers.argmax(dim=-1)
        out: Tensor = x[torch.arange(len(x), device=x.device), ends] @ self.text_projection
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One file: both towers, filled, so that every name of it is accounted for."""

    sizes: _Sizes
    films: _Films
    texts: _Texts
    films_digest: str
    texts_digest: str

    @property
    def space(self) -> str:
        """Of this file alone: towers of two files are not taken for aligned."""
        return f"clip-{fingerprint([self.films_digest, self.texts_digest])[:20]}"


def _read(card: EncoderCard, weights: Path) -> _Read:
    tensors = migrated(read_tensors(weights_file(card.name, weights, _FILES)), _NAMES)
    sizes = _sizes(tensors)
    if sizes.wide % _HEAD or sizes.text_wide % _HEAD:
        raise Mismatch(
            f"These weights are not for {card.name}: its towers are {sizes.wide} and "
            f"{sizes.text_wide} channels wide, and CLIP's are multiples of {_HEAD}."
        )
    # on no device at first: drawing 150 million weights to throw them away costs seconds
    with torch.device("meta"):
        films, texts = _Films(sizes), _Texts(sizes)
    films.to_empty(device="cpu")
    texts.to_empty(device="cpu")
    of_films = {name: t for name, t in tensors.items() if name.startswith(_VISUAL)}
    of_texts = {name: t for name, t in tensors.items() if name not in of_films}
    return _Read(
        sizes=sizes,
        films=films,
        texts=texts,
        films_digest=fill(films, of_films, who=card.name),
        texts_digest=fill(texts, of_texts, who=card.name, idle=(_TEMPERATURE,)),
    )


def _build_image(card: EncoderCard, weights: Path | None) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    assert card.preprocess is not None  # noqa: S101 - a card of an image encoder has one
    found = _read(card, weights)
    sizes = found.sizes
    side = sizes.grid * sizes.patch
    card = replace(
        stamped(card, found.films_digest, known="", believed=True),
        dim=sizes.dim,
        token_dim=sizes.wide,
        grid=(sizes.grid, sizes.grid),
        space=found.space,
        preprocess=replace(card.preprocess, size=side),
    )
    return FrozenImages(card=card, module=found.films)


def _build_text(card: EncoderCard, weights: Path | None) -> FrozenTexts:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    found = _read(card, weights)
    sizes = found.sizes
    tokenise, vocabulary = clip_tokens(card.name, weights, sizes.length, words=sizes.words)
    digest = fingerprint([found.texts_digest, digest_bytes(vocabulary)])
    card = replace(
        stamped(card, digest, known="", believed=True),
        dim=sizes.dim,
        space=found.space,
        max_tokens=sizes.length,
    )
    return FrozenTexts(card=card, module=found.texts, tokenise=tokenise)


_WEB = Exposure(
    source="openai-web-pairs",
    what="400 million pictures of the web with their captions, not published; radiographs may be "
    "among them",
)
_PLACES = "beside vocab.json and merges.txt, or bpe_simple_vocab_16e6.txt.gz"


def _pair(
    name: str,
    *,
    preprocess: Preprocess,
    licence: str,
    citation: str,
    exposed_to: tuple[Exposure, ...],
    weights_from: str,
    use: str,
) -> tuple[Family, Family]:
    """The image tower and the text tower of one kind of file."""
    shared = EncoderCard(
        name=f"{name}-image",
        modality="image",
        revision="ViT-B/32",
        recipe_version=1,
        weights="",
        dim=512,
        token_dim=768,
        grid=(7, 7),
        space=name,
        preprocess=preprocess,
        licence=licence,
        citation=citation,
        exposed_to=exposed_to,
    )
    image = Family(
        card=shared,
        build=_build_image,
        weights="required",
        weights_from=weights_from,
        use=use,
    )
    text = Family(
        card=replace(
            shared,
            name=f"{name}-text",
            modality="text",
            token_dim=0,
            grid=(0, 0),
            preprocess=None,
            max_tokens=77,
            batch=32,
        ),
        build=_build_text,
        weights="required",
        packages=("transformers",),
        weights_from=f"{weights_from}, {_PLACES}",
        use=use,
    )
    return ENCODERS.register(f"{name}-image")(image), ENCODERS.register(f"{name}-text")(text)


OPENAI_IMAGE, OPENAI_TEXT = _pair(
    "clip-openai",
    preprocess=Preprocess(
        size=224,
        fit="crop",
        interpolation="bicubic",
        mean=(0.48145466, 0.4578275, 0.40821073),
        deviation=(0.26862954, 0.26130258, 0.27577711),
    ),
    licence="MIT",
    citation="Radford et al., Learning Transferable Visual Models From Natural Language "
    "Supervision, ICML 2021",
    exposed_to=(_WEB,),
    weights_from="OpenAI's release of a vision transformer, its state_dict saved as a file",
    use="research; its model card rules deployed use out",
)

CHEXZERO_IMAGE, CHEXZERO_TEXT = _pair(
    "chexzero",
    # byte values, bordered with black
    preprocess=Preprocess(
        size=224,
        fit="pad",
        interpolation="bicubic",
        scale=255.0,
        mean=(101.48761,),
        deviation=(83.43944,),
    ),
    licence="MIT",
    citation="Tiu et al., Expert-level detection of pathologies from unannotated chest X-ray "
    "images via self-supervised learning, Nature Biomedical Engineering 2022",
    exposed_to=(
        Exposure(
            source="mimic-cxr-jpg",
            what="films of MIMIC-CXR with the impressions of their reports; not their labels",
        ),
        _WEB,
    ),
    weights_from="CheXzero's release, a checkpoint such as best_64_5e-05_original_22000_0.864.pt",
    use="research",
)
