"""Count stored images and their cost per model, as CloudWatch metrics (Embedded Metric Format: the log is enough)."""

import json
import time
from typing import Any

from genai_images_events import ImageStored, parse


def handler(batch: dict[str, Any], _context: object) -> dict[str, Any]:
    """Count the images of each message. A message that cannot be read is delivered again, then dead-lettered."""
    failed = []
    for record in batch["Records"]:
        try:
            event = parse(record)
        except ValueError as error:
            print(json.dumps({"message": "unreadable", "message_id": record["messageId"], "error": str(error)}))
            failed.append({"itemIdentifier": record["messageId"]})
            continue
        for image in event.data.images if isinstance(event, ImageStored) else ():
            print(line(image.image_id, image.model, float(image.cost_usd)))
    return {"batchItemFailures": failed}


def line(image_id: str, model: str, cost_usd: float) -> str:
    """Return a log line that CloudWatch turns into metrics of the model."""
    metrics = [{"Name": "images", "Unit": "Count"}, {"Name": "cost_usd"}]
    metadata = {"Namespace": "example-subscriber", "Dimensions": [["model"]], "Metrics": metrics}
    stamp = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metadata]}
    return json.dumps({"_aws": stamp, "image_id": image_id, "model": model, "images": 1, "cost_usd": cost_usd})
