"""The description of the HTTP interface in the form of OpenAPI 3.1 (spec.openapis.org)."""

from importlib.metadata import version
from typing import Any

from pipeline.labels import EMOTIONS
from pipeline.vision.detectors import available_detectors

MODEL, DETECTOR = "custom_cnn", "haar"


def openapi(max_bytes: int, has_token: bool) -> dict[str, Any]:
    """Return the OpenAPI document.

    Args:
        max_bytes: of an image.
        has_token: whether requests need the token.
    """
    image = {"type": "string", "format": "binary"}
    form = {"type": "object", "required": ["image"], "properties": {"image": image}}
    errors = {
        400: "Not an image, or a wrong parameter.",
        401: "No token, or a wrong one.",
        403: "Without a token, only programs of this machine may ask.",
        404: "There is no such model.",
        408: "The image came too slowly.",
        413: f"The image has more than {max_bytes / 2**20:g} MB.",
        429: "Too many requests per second: wait for Retry-After seconds.",
        500: "The server failed, or the model cannot be loaded: its log says why.",
        503: "Too many requests at a time: try again after Retry-After seconds.",
    }
    parameters = [
        _parameter("model", "A bundled model or a run, see /api/models.", default=MODEL),
        _parameter("detector", "The face detector.", default=DETECTOR, enum=available_detectors()),
        _parameter("cropped", "The image is one face.", type="boolean", default=False),
    ]
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Emotion Detector", "version": version("emotion-detector")},
        "paths": {
            "/api/faces": {
                "post": {
                    "operationId": "faces",
                    "summary": "Detect the faces of a photo and predict their emotions.",
                    "parameters": parameters,
                    "requestBody": {
                        "required": True,
                        "content": {
                            "image/*": {"schema": image},
                            "multipart/form-data": {"schema": form},
                        },
                    },
                    "responses": {
                        "200": _json("One photo, as `predict --json` prints it.", "Photos"),
                        **{str(code): _json(text, "Error") for code, text in errors.items()},
                    },
                }
            },
            "/api/models": {
                "get": {
                    "operationId": "models",
                    "summary": "List the models, as `models --json` does.",
                    "responses": {
                        "200": _json("The models.", "Models"),
                        **{
                            str(code): _json(errors[code], "Error") for code in (401, 403, 429, 503)
                        },
                    },
                }
            },
        },
        "components": {"schemas": _SCHEMAS},
    }
    if has_token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    schema = {"type": "string", **schema}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _json(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT, _FLAG = {"type": "string"}, {"type": "boolean"}
_BOX = {
    "type": "array",
    "items": {"type": "integer"},
    "minItems": 4,
    "maxItems": 4,
    "description": "x, y, width and height in pixels.",
}
_FACE = _object(
    box=_BOX,
    emotion={"enum": list(EMOTIONS)},
    confidence=_SHARE,
    probabilities=_object(**dict.fromkeys(EMOTIONS, _SHARE)),
)
_PHOTO = _object(path=_TEXT, cropped=_FLAG, faces={"type": "array", "items": _FACE})
_MODEL = _object(
    name=_TEXT,
    title=_TEXT,
    shipped=_FLAG,
    architecture=_TEXT,
    dataset={"type": ["string", "null"]},
    synthetic=_FLAG,
    split={"type": ["string", "null"]},
    accuracy={"type": ["number", "null"]},
    parameters={"type": ["integer", "null"]},
    size_mb={"type": "number"},
)
_SCHEMAS = {
    "Photos": {"type": "array", "items": _PHOTO, "minItems": 1, "maxItems": 1},
    "Models": {"type": "array", "items": _MODEL},
    "Error": _object(error=_TEXT),
}
