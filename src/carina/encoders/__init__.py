"""Frozen encoders: a card that says who they are, one engine that runs them, families by name."""

from carina.encoders.card import DTYPES as DTYPES
from carina.encoders.card import UNKNOWN_SOURCE as UNKNOWN_SOURCE
from carina.encoders.card import EncoderCard as EncoderCard
from carina.encoders.card import Exposure as Exposure
from carina.encoders.card import Preprocess as Preprocess
from carina.encoders.card import Stage as Stage
from carina.encoders.engine import device as device
from carina.encoders.engine import encode_images as encode_images
from carina.encoders.engine import encode_texts as encode_texts
from carina.encoders.family import ENCODERS as ENCODERS
from carina.encoders.family import SHELVES as SHELVES
from carina.encoders.family import EncoderInfo as EncoderInfo
from carina.encoders.family import Family as Family
from carina.encoders.family import Shelf as Shelf
from carina.encoders.frozen import FrozenImages as FrozenImages
from carina.encoders.frozen import FrozenTexts as FrozenTexts
from carina.encoders.joined import side_by_side as side_by_side
from carina.encoders.loading import listing as listing
from carina.encoders.loading import load_encoder as load_encoder
from carina.encoders.loading import load_image_encoder as load_image_encoder
from carina.encoders.loading import load_text_encoder as load_text_encoder
from carina.encoders.preprocess import prepare as prepare
from carina.encoders.protocol import Encoded as Encoded
from carina.encoders.protocol import ImageEncoder as ImageEncoder
from carina.encoders.protocol import TextEncoder as TextEncoder
