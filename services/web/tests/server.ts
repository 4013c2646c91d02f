import type {
  AcceptedView,
  DryRunView,
  ExportList,
  ImagePage,
  ImageSummary,
  ImageView,
  ModelList,
  ModelView,
  NewRequest,
  PreferencesResponse,
  Problem,
  RequestList,
  RequestView,
  ShareList,
} from "genai-images-client";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";

/** The base URL of the stubbed API. */
export const API = "http://api.test";

/** Respond with a document of the schema. */
export function json<T extends object>(body: T, init?: ResponseInit) {
  return HttpResponse.json(body, init);
}

export function problem(status: number, code: string, errors?: Problem["errors"], headers?: HeadersInit) {
  const body: Problem = {
    type: `/problems/${code}`,
    status,
    code,
    title: "The API's own title",
    detail: "The API's own detail.",
    call_id: "VgYvFhbWIAMEPqA=",
    ...(errors && { errors }),
  };
  return HttpResponse.json(body, { status, headers: { "content-type": "application/problem+json", ...headers } });
}

export const CORE: ModelView = {
  key: "stable-image-core",
  name: "Stable Image Core",
  default: true,
  lifecycle: "active",
  price_usd: { standard: "0.04" },
  sizes: [],
  aspect_ratios: { "1:1": "1024x1024", "16:9": "1344x768", "2:3": "832x1216" },
  styles: [],
  limits: { prompt_max: 200, negative_prompt_max: 100, seed_max: 4294967294 },
  estimated_seconds: 7,
};

export const CANVAS: ModelView = {
  key: "canvas",
  name: "Canvas",
  default: false,
  lifecycle: "legacy",
  end_of_life: "2027-01-31",
  price_usd: { standard: "0.04", premium: "0.06" },
  sizes: ["1024x1024", "1280x720"],
  aspect_ratios: {},
  styles: ["PHOTOREALISM", "DESIGN_SKETCH"],
  limits: {
    prompt_max: 1024,
    negative_prompt_max: 1024,
    seed_max: 1000,
    guidance: { min: 1.1, max: 10, default: 6.5 },
  },
};

const RETIRED: ModelView = {
  ...CORE,
  key: "old",
  name: "Old One",
  default: false,
  lifecycle: "end_of_life" as ModelView["lifecycle"],
};

export const REQUEST_ID = "01a20adf-29de-712d-8d71-e86c2f149f8e";
const BLUR = "LhG%ltxaRjRk-DoLWUj[0$WCkAof";

export function requestView(change: Partial<RequestView> = {}): RequestView {
  const at = (seconds: number) => new Date(Date.UTC(2026, 10, 24, 0, 0, seconds)).toISOString();
  return {
    id: REQUEST_ID,
    status: "generating",
    created_at: at(0),
    request: {
      prompt: "A red fox",
      quality: "standard",
      count: 1,
      seed: 11,
      width: 1344,
      height: 768,
      models: ["stable-image-core"],
    },
    timeline: [
      { event: "ImageRequested", event_id: "1", at: at(0) },
      { event: "PromptApproved", event_id: "2", at: at(2) },
    ],
    links: { self: `/v1/requests/${REQUEST_ID}` },
    ...change,
  };
}

export function imageSummary(index: number, change: Partial<ImageSummary> = {}): ImageSummary {
  return {
    id: `${REQUEST_ID}-${index}`,
    created_at: "2026-11-24T00:00:00Z",
    model: "stable-image-core",
    favourite: false,
    caption: `Image number ${index}`,
    width: 1344,
    height: 768,
    placeholder: BLUR,
    display_url: `http://images.test/${index}/display.webp?signature=1`,
    thumbnail_url: `http://images.test/${index}/thumbnail.webp?signature=1`,
    links: { self: `/v1/images/${REQUEST_ID}-${index}` },
    ...change,
  };
}

export function imageView(index: number): ImageView {
  const file = (name: string) => ({
    url: `http://images.test/${index}/${name}?signature=1`,
    media_type: "image/png",
    width: 1344,
    height: 768,
    bytes: 1_342_535,
    sha256: "ab".repeat(32),
  });
  const { id, created_at, placeholder } = imageSummary(index);
  return {
    id,
    created_at,
    placeholder,
    request_id: REQUEST_ID,
    index,
    prompt: `Image number ${index}`,
    model: "stable-image-core",
    seed: 11,
    width: 1344,
    height: 768,
    quality: "standard",
    cost_usd: "0.04",
    favourite: false,
    original: file("original.png"),
    display: file("display.webp"),
    thumbnail: file("thumbnail.webp"),
    links: {
      self: `/v1/images/${id}`,
      request: `/v1/requests/${REQUEST_ID}`,
      favourite: `/v1/images/${id}/favourite`,
      shares: `/v1/images/${id}/shares`,
    },
  };
}

/** An API with two models and no requests or images. Tests override single routes. */
export const server = setupServer(
  http.get(`${API}/v1/models`, () => json<ModelList>({ models: [RETIRED, CANVAS, CORE], data: [] })),
  http.get(`${API}/v1/preferences`, () =>
    json<PreferencesResponse>({ defaults: {}, theme: "system" }, { headers: { etag: '"1"' } }),
  ),
  http.get(`${API}/v1/requests`, () => json<RequestList>({ requests: [] })),
  http.get(`${API}/v1/requests/:id/appeal`, () => problem(404, "appeal_not_found")),
  http.get(`${API}/v1/images`, () => json<ImagePage>({ images: [] })),
  http.get(`${API}/v1/me/exports`, () => json<ExportList>({ exports: [] })),
  http.get(`${API}/v1/images/:id/shares`, () => json<ShareList>({ shares: [] })),
  http.post(`${API}/v1/tickets`, () => problem(503, "unavailable")),
  http.post(`${API}/v1/requests`, async ({ request }) => {
    const body = (await request.json()) as NewRequest;
    if (!new URL(request.url).searchParams.has("dry_run"))
      return json<AcceptedView>(
        { id: REQUEST_ID, status: "accepted", links: { self: `/v1/requests/${REQUEST_ID}` } },
        { status: 202 },
      );
    const total = (0.08 * (body.count ?? 1)).toFixed(2);
    return json<DryRunView>({
      request: { prompt: body.prompt, quality: "standard", count: body.count ?? 1 },
      models: [],
      price: { per_image_usd: "0.04", total_max_usd: total },
    });
  }),
);
