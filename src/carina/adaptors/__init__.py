"""Small learned maps over frozen encoders, alignments, prompts, and what predicts with them."""

from carina.adaptors.alignment import Alignment as Alignment
from carina.adaptors.alignment import RidgeAlignment as RidgeAlignment
from carina.adaptors.alignment import fit_alignment as fit_alignment
from carina.adaptors.answer_blocks import answer_in_blocks as answer_in_blocks
from carina.adaptors.identity import Identity as Identity
from carina.adaptors.linear import Linear as Linear
from carina.adaptors.mlp import Mlp as Mlp
from carina.adaptors.packing import pack as pack
from carina.adaptors.packing import pack_alignment as pack_alignment
from carina.adaptors.packing import readout_bytes as readout_bytes
from carina.adaptors.packing import unpack as unpack
from carina.adaptors.packing import unpack_alignment as unpack_alignment
from carina.adaptors.prompts import PromptBank as PromptBank
from carina.adaptors.prompts import bank_names as bank_names
from carina.adaptors.prompts import encode_bank as encode_bank
from carina.adaptors.prompts import load_bank as load_bank
from carina.adaptors.protocol import Adaptor as Adaptor
from carina.adaptors.readout import Answer as Answer
from carina.adaptors.readout import Combine as Combine
from carina.adaptors.readout import LinearReadout as LinearReadout
from carina.adaptors.readout import PromptReadout as PromptReadout
from carina.adaptors.readout import Readout as Readout
from carina.adaptors.sides import AdaptorConfig as AdaptorConfig
from carina.adaptors.sides import Pair as Pair
from carina.adaptors.sides import Sharing as Sharing
from carina.adaptors.sides import Sides as Sides
