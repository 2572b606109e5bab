"""The encoders that come with carina, one family a file; importing this registers them."""

from carina.encoders.families import bert as bert
from carina.encoders.families import biovil as biovil
from carina.encoders.families import biovil_t as biovil_t
from carina.encoders.families import clip as clip
from carina.encoders.families import clip_hub as clip_hub
from carina.encoders.families import cxr_bert as cxr_bert
from carina.encoders.families import cxr_clip as cxr_clip
from carina.encoders.families import dinov2 as dinov2
from carina.encoders.families import efficientnet as efficientnet
from carina.encoders.families import embeddings as embeddings
from carina.encoders.families import medclip as medclip
from carina.encoders.families import minilm as minilm
from carina.encoders.families import mobilenet as mobilenet
from carina.encoders.families import open_clip as open_clip
from carina.encoders.families import pyramid as pyramid
from carina.encoders.families import resnet_ae as resnet_ae
from carina.encoders.families import siglip as siglip
from carina.encoders.families import timm as timm
from carina.encoders.families import torchxrayvision as torchxrayvision
from carina.encoders.families import toy as toy
