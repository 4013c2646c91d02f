import { ApiError } from "genai-images-client";
import { expect, test } from "vitest";
import { describeError } from "@/api/errors";
import { fileName } from "@/features/gallery/download";
import { nextIndex } from "@/features/gallery/gridNavigation";
import { layOut } from "@/features/gallery/layout";
import { toggleStyle } from "@/features/generator/promptStyles";
import { explainOutcome } from "@/features/generator/requestOutcome";
import { progressOf } from "@/features/generator/requestProgress";
import { draftFromRequest, fitToModel } from "@/lib/drafts";
import { forgetStableUrl, stableUrl } from "@/lib/stableUrl";
import { requestBody, useDraft } from "@/state/draft";
import { signIn, takeKeyFromUrl, useSession } from "@/state/session";
import { CANVAS, CORE, imageView, requestView } from "./server";

test("selecting a style adds its keywords, selecting it again removes them", () => {
  expect(toggleStyle("A fox.", "watercolor")).toBe("A fox, watercolor");
  expect(toggleStyle("A fox, Watercolor", "watercolor")).toBe("A fox");
  expect(toggleStyle("", "oil painting")).toBe("oil painting");
  expect(toggleStyle("watercolor, a fox", "watercolor")).toBe("a fox");
});

test("a file keeps the URL that it was first loaded from for a while", () => {
  const first = stableUrl("http://p.test/a.webp?s=1", 0);
  expect(stableUrl("http://p.test/a.webp?s=2", 1000)).toBe(first);
  expect(stableUrl("http://p.test/a.webp?s=3", 9 * 60_000)).toBe("http://p.test/a.webp?s=3");
  forgetStableUrl(first);
  expect(stableUrl("http://p.test/a.webp?s=4", 9 * 60_000)).toBe("http://p.test/a.webp?s=4");
});

test("a request's settings fill the form, with the closest aspect ratio", () => {
  const { request } = requestView();
  expect(draftFromRequest(request, [CORE])).toMatchObject({
    prompt: "A red fox",
    aspect_ratio: "16:9",
    seed: 11,
    count: 1,
  });
});

test("settings that a model does not support are dropped", () => {
  const draft = { prompt: "A fox", aspect_ratio: "16:9", style: "anime", seed: 5000, guidance: 20 };
  expect(requestBody(fitToModel(draft, CANVAS))).toEqual({ prompt: "A fox", quality: "standard" });
});

test("progress stops at the step that failed", () => {
  const states = (status: "generating" | "failed") => progressOf(requestView({ status })).map(({ state }) => state);
  expect(states("generating")).toEqual(["done", "done", "current", "waiting", "waiting"]);
  expect(states("failed")).toEqual(["done", "done", "stopped", "waiting", "waiting"]);
});

test("a download is named after its prompt", () => {
  expect(fileName({ ...imageView(0), prompt: "A red fox, at dawn!" })).toBe("a-red-fox-at-dawn-11.png");
  expect(fileName({ ...imageView(0), prompt: "狐" })).toBe("狐-11.png");
  expect(fileName({ ...imageView(0), prompt: "हिमालय पर सूर्योदय" })).toBe("हिमालय-पर-सूर्योदय-11.png");
  expect(fileName({ ...imageView(0), prompt: "พระอาทิตย์ขึ้น" })).toBe("พระอาทิตย์ขึ้น-11.png");
  expect(fileName({ ...imageView(0), prompt: "مُحَمَّد" })).toBe("مُحَمَّد-11.png");
  expect(fileName({ ...imageView(0), prompt: "cafe\u0301" })).toBe("café-11.png");
  const long = fileName({ ...imageView(0), prompt: `a${"𐐷".repeat(60)}` });
  expect(long).toBe(`a${"𐐷".repeat(23)}-11.png`);
  expect(() => encodeURIComponent(long)).not.toThrow();
});

test("arrow keys move to the nearest item in the row above or below", () => {
  const box = (left: number, top: number, width: number) => ({ left, top, width, height: 10 });
  const boxes = [box(0, 0, 60), box(60, 0, 40), box(0, 12, 30), box(30, 12, 70)];
  expect(nextIndex("ArrowDown", 1, boxes)).toBe(3);
  expect(nextIndex("ArrowUp", 2, boxes)).toBe(0);
  expect(nextIndex("ArrowDown", 3, boxes)).toBeNull();
  expect(nextIndex("End", 0, boxes)).toBe(3);
});

test("rows of the gallery are as wide as it is, except for the last one", () => {
  const square = { width: 100, height: 100 };
  const { places, rows } = layOut([square, square, { width: 200, height: 100 }, square], 310, 100, 10);
  expect(rows).toEqual([
    { first: 0, height: 150 },
    { first: 2, height: 100 },
  ]);
  expect(places.map(({ left, top, width }) => [left, top, width])).toEqual([
    [0, 0, 150],
    [160, 0, 150],
    [0, 160, 200],
    [210, 160, 100],
  ]);
});

test("an image that is wider than the gallery is shown as wide as that", () => {
  expect(layOut([{ width: 1000, height: 100 }], 300, 100, 10).rows).toEqual([{ first: 0, height: 30 }]);
  expect(layOut([], 300, 100, 10)).toEqual({ places: [], rows: [] });
});

test("a key in the URL fragment is removed from the URL and not used before it is confirmed", () => {
  const { key } = useSession.getState();
  history.replaceState(null, "", "/create?x=1#key=gik_from_the_address");
  takeKeyFromUrl();
  expect(useSession.getState()).toMatchObject({ key, linkKey: "gik_from_the_address" });
  expect(location.href).toMatch(/\/create\?x=1$/);
});

test("the key in use is not asked about again", () => {
  const { key } = useSession.getState();
  history.replaceState(null, "", `/#key=${key}`);
  takeKeyFromUrl();
  expect(useSession.getState()).toMatchObject({ key, linkKey: null });
  expect(location.hash).toBe("");
});

test("without a remembered key, the draft is not stored", async () => {
  const key = "gik_test_key_0123456789";
  await signIn(key, true);
  useDraft.getState().set({ prompt: "A fox" });
  expect(sessionStorage.getItem("draft")).toContain("A fox");
  await signIn(key, false);
  useDraft.getState().set({ prompt: "A fox" });
  expect({ ...sessionStorage }).toEqual({});
});

test("errors that a retry cannot fix say what to change", () => {
  const error = new ApiError({
    status: 422,
    code: "validation_failed",
    title: "The model does not support this size",
    errors: [{ field: "size", rule: "too large" }],
  });
  expect(describeError(error)).toEqual({ title: "The model does not support this size", text: "size: too large" });
  expect(describeError(new ApiError({ status: 403, code: "forbidden", title: "Forbidden" })).title).toBe(
    "This API key was not accepted",
  );
});

test("an exhausted budget says what is still possible", () => {
  const title = "The rest of the daily budget covers only models up to $0.05 per image.";
  expect(describeError(new ApiError({ status: 503, code: "budget_exhausted", title })).text).toBe(title);
  const overloaded = new ApiError({ status: 503, code: "overloaded", title, retryAfter: 45 });
  expect(describeError(overloaded).text).toBe(
    "We finish those first. Try again in 45 seconds. Your earlier requests are safe.",
  );
  const failed = { status: "failed", reason: { code: "budget_exhausted", detail: "" }, timeline: [] } as const;
  expect(explainOutcome({ ...failed, timeline: [] })?.text).toContain("Choose a cheaper model");
});
