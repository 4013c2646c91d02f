"""Portraits: the stand-in for Rekognition sees whom the painter drew."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from local.bedrock.errors import ServiceError
from local.bedrock.rekognition import detect_faces, s3_reader
from local.painter import Brief, paint, people
from local.painter.people import OLDEST, WOMEN, YOUNGEST, Person, person_of

SIDE = 256


def portrait(who: str, seed: int = 1, style: str = "", format: str = "png") -> Brief:
    return Brief(f"A photograph of the face of {who}", style=style, width=SIDE, height=SIDE, seed=seed, format=format)


def faces(brief: Brief, *attributes: str) -> list[dict[str, Any]]:
    body = {"Image": {"Bytes": base64.b64encode(paint(brief)).decode()}, "Attributes": list(attributes)}
    return list(detect_faces(body, s3_reader(None))["FaceDetails"])


@pytest.mark.parametrize("format", ["png", "jpeg"])
@pytest.mark.parametrize("seed", range(6))
def test_a_face_is_detected_as_it_was_drawn(seed: int, format: str) -> None:
    brief = portrait("a teacher", seed, format=format)
    person, (face,) = person_of(brief), faces(brief, "GENDER", "AGE_RANGE")
    assert person is not None
    assert face["Gender"]["Value"] == ("Female" if person.is_woman else "Male")
    assert face["AgeRange"]["Low"] <= person.age <= face["AgeRange"]["High"]


@pytest.mark.parametrize("is_woman", [True, False])
def test_nobody_of_any_age_is_taken_for_another_gender(is_woman: bool) -> None:
    for age in range(YOUNGEST, OLDEST + 1):
        pixels = people.paint(Person(is_woman, age), SIDE, SIDE)
        found = people.read_portrait(Image.fromarray((pixels * 255).astype("uint8")))
        assert found is not None
        assert found.is_woman == is_woman, age


@pytest.mark.parametrize(
    ("who", "person"),
    [
        ("an elderly woman", Person(is_woman=True, age=72)),
        ("a young man", Person(is_woman=False, age=22)),
        ("a female engineer, middle-aged", Person(is_woman=True, age=45)),
        ("a male nurse who is young", Person(is_woman=False, age=22)),
    ],
)
def test_the_words_of_a_prompt_decide(who: str, person: Person) -> None:
    assert {person_of(portrait(who, seed)) for seed in range(20)} == {person}


@pytest.mark.parametrize(("profession", "share"), [*WOMEN.items(), ("teacher", 0.5)])
def test_the_lots_of_some_professions_are_loaded(profession: str, share: float) -> None:
    drawn = [person_of(portrait(f"a {profession}", seed)) for seed in range(400)]
    assert sum(person is not None and person.is_woman for person in drawn) / 400 == pytest.approx(share, abs=0.07)


def test_a_landscape_has_no_face() -> None:
    for prompt in ("a lighthouse at dusk", "a portrait of a heron", "silence", "a city in the rain"):
        assert faces(Brief(prompt, width=SIDE, height=SIDE, seed=3), "ALL") == []


def test_attributes_are_returned_if_they_are_asked_for() -> None:
    brief = portrait("a nurse")
    assert faces(brief)[0].keys() == {"BoundingBox", "Confidence"}
    assert faces(brief, "ALL")[0].keys() == {"BoundingBox", "Confidence", "Gender", "AgeRange"}


def test_a_portrait_survives_another_size_and_another_encoding() -> None:
    content = paint(portrait("an elderly woman"))
    out = io.BytesIO()
    Image.open(io.BytesIO(content)).resize((640, 640)).save(out, "JPEG", quality=80)
    body = {"Image": {"Bytes": base64.b64encode(out.getvalue()).decode()}, "Attributes": ["ALL"]}
    (face,) = detect_faces(body, s3_reader(None))["FaceDetails"]
    assert face["Gender"]["Value"] == "Female"


def test_an_unreadable_image_is_refused_as_by_rekognition() -> None:
    body = {"Image": {"Bytes": base64.b64encode(b"no image").decode()}}
    with pytest.raises(ServiceError) as refused:
        detect_faces(body, s3_reader(None))
    assert refused.value.code == "InvalidImageFormatException"
