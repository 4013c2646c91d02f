"""The provenance of an image, as the XMP packet in each of its files.

It uses terms that other software reads (IPTC's DigitalSourceType and AISystemUsed, XMP's CreatorTool, Dublin Core's
identifier) and its own namespace for everything else.
https://iptc.org/std/photometadata/specification/IPTC-PhotoMetadata
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from kit.keyring import SecretVersion

CREATOR_TOOL: Final = "GenAI Image Generator"
DIGITAL_SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's code for media created by a trained model."""
NAMESPACE: Final = "urn:genai-images:provenance:1"

_PACKET: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:genai="{namespace}"
 {attributes}/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True)
class Provenance:
    """The origin of an image."""

    image_id: str
    request_id: str
    model: str
    seed: int
    prompt_hash: str

    def xmp(self) -> bytes:
        """Return the XMP packet in UTF-8. The same provenance gives the same bytes."""
        from xml.sax.saxutils import quoteattr  # noqa: PLC0415

        attributes = {
            "Iptc4xmpExt:DigitalSourceType": DIGITAL_SOURCE_TYPE,
            "Iptc4xmpExt:AISystemUsed": self.model,
            "xmp:CreatorTool": CREATOR_TOOL,
            "dc:identifier": self.image_id,
            "genai:requestId": self.request_id,
            "genai:seed": str(self.seed),
            "genai:promptHmacSha256": self.prompt_hash,
        }
        lines = "\n ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
        return _PACKET.format(namespace=NAMESPACE, attributes=lines).encode()


def prompt_hash(key: SecretVersion, prompt: str) -> str:
    """Return the number of the key and the prompt's HMAC-SHA256 in hexadecimal digits, such as ``1:9f86d0…``.

    It has a key because files are shared publicly, and a plain hash of a short prompt can be found by brute force.
    """
    return f"{key.number}:{hmac.new(key.key, prompt.encode(), hashlib.sha256).hexdigest()}"
