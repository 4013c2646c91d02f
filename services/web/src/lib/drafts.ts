import type { ImageView, ModelView, NewRequest, Range, RequestParameters } from "genai-images-client";
import { aspectRatiosOf } from "./aspectRatios";

type Draft = NewRequest;
type Model = ModelView;

/** Return the form settings that generated an image. */
export function draftFromImage(image: ImageView, models: readonly Model[]): Draft {
  const model = models.find(({ key }) => key === image.model);
  return {
    prompt: image.prompt,
    negative_prompt: image.negative_prompt ?? null,
    model: image.model,
    style: image.style ?? null,
    seed: image.seed,
    quality: image.quality,
    steps: image.steps ?? null,
    guidance: image.guidance ?? null,
    ...nearestAspectRatio(model, image.width, image.height),
  };
}

/** Return the form settings of a request. */
export function draftFromRequest(request: RequestParameters, models: readonly Model[]): Draft {
  const key = request.models[0] ?? null;
  const model = models.find((candidate) => candidate.key === key);
  return {
    prompt: request.prompt,
    negative_prompt: request.negative_prompt ?? null,
    model: key,
    style: request.style ?? null,
    seed: request.seed,
    count: request.count,
    quality: request.quality,
    steps: request.steps ?? null,
    guidance: request.guidance ?? null,
    ...nearestAspectRatio(model, request.width, request.height),
  };
}

/** Return the aspect ratio or size of a model that is closest to an image's. */
function nearestAspectRatio(
  model: Model | undefined,
  width: number,
  height: number,
): Pick<Draft, "size" | "aspect_ratio"> {
  if (!model) return {};
  const wanted = Math.log(width / height);
  const distance = (ratio: { width: number; height: number }) =>
    Math.abs(Math.log(ratio.width / ratio.height) - wanted) + Math.abs(ratio.width - width) / 1e6;
  const [nearest] = aspectRatiosOf(model).sort((one, other) => distance(one) - distance(other));
  return nearest ? { [nearest.field]: nearest.value } : {};
}

/** Drop the settings that a model does not support. */
export function fitToModel(draft: Draft, model: Model): Draft {
  const ratio = aspectRatiosOf(model).find(({ field, value }) => draft[field] === value);
  const inRange = (value: number | null | undefined, range: Range | undefined) =>
    range && typeof value === "number" && value >= range.min && value <= range.max ? value : null;
  return {
    ...draft,
    size: ratio?.field === "size" ? ratio.value : null,
    aspect_ratio: ratio?.field === "aspect_ratio" ? ratio.value : null,
    style: draft.style && model.styles.includes(draft.style) ? draft.style : null,
    quality: draft.quality && draft.quality in model.price_usd ? draft.quality : "standard",
    steps: inRange(draft.steps, model.limits.steps),
    guidance: inRange(draft.guidance, model.limits.guidance),
    seed: typeof draft.seed === "number" && draft.seed <= model.limits.seed_max ? draft.seed : null,
  };
}
