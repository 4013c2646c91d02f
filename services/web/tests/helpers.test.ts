import { expect, test } from "vitest";
import { ApiError, describeError } from "@/api/errors";
import { fileName } from "@/features/gallery/download";
import { next } from "@/features/gallery/gridNavigation";
import { progressOf } from "@/features/generator/requestProgress";
import { toggleStyle } from "@/features/generator/promptStyles";
import { draftFromRequest, fitToModel } from "@/lib/drafts";
import { stableUrl, forgetStableUrl } from "@/lib/stableUrl";
import { requestBody } from "@/state/draft";
import { signInFromUrl, useSession } from "@/state/session";
import { CANVAS, CORE, imageView, requestView } from "./server";

test("a technique's words come and go", () => {
  expect(toggleStyle("A fox.", "watercolor")).toBe("A fox, watercolor");
  expect(toggleStyle("A fox, Watercolor", "watercolor")).toBe("A fox");
  expect(toggleStyle("", "oil painting")).toBe("oil painting");
  expect(toggleStyle("watercolor, a fox", "watercolor")).toBe("a fox");
});

test("a file keeps the address it was first loaded from, for a while", () => {
  const first = stableUrl("http://p.test/a.webp?s=1", 0);
  expect(stableUrl("http://p.test/a.webp?s=2", 1000)).toBe(first);
  expect(stableUrl("http://p.test/a.webp?s=3", 9 * 60_000)).toBe("http://p.test/a.webp?s=3");
  forgetStableUrl(first);
  expect(stableUrl("http://p.test/a.webp?s=4", 9 * 60_000)).toBe("http://p.test/a.webp?s=4");
});

test("a request's settings come back into the form, in the model's own shapes", () => {
  const { request } = requestView();
  expect(draftFromRequest(request, [CORE])).toMatchObject({
    prompt: "A red fox",
    aspect_ratio: "16:9",
    seed: 11,
    count: 1,
  });
});

test("what another model does not take is left out", () => {
  const draft = { prompt: "A fox", aspect_ratio: "16:9", style: "anime", seed: 5000, guidance: 20 };
  expect(requestBody(fitToModel(draft, CANVAS))).toEqual({ prompt: "A fox", quality: "standard" });
});

test("the way stops where it stopped", () => {
  const states = (status: string) => progressOf(requestView({ status })).map(({ state }) => state);
  expect(states("generating")).toEqual(["done", "done", "current", "waiting", "waiting"]);
  expect(states("failed")).toEqual(["done", "done", "stopped", "waiting", "waiting"]);
});

test("a download is named by what it shows", () => {
  expect(fileName({ ...imageView(0), prompt: "A red fox, at dawn!" })).toBe("a-red-fox-at-dawn-11.png");
  expect(fileName({ ...imageView(0), prompt: "狐" })).toBe("狐-11.png");
});

test("arrows go to the frame above or below whose middle is nearest", () => {
  const box = (left: number, top: number, width: number) => ({ left, top, right: left + width, bottom: top + 10 });
  const boxes = [box(0, 0, 60), box(60, 0, 40), box(0, 12, 30), box(30, 12, 70)];
  expect(next("ArrowDown", 1, boxes)).toBe(3);
  expect(next("ArrowUp", 2, boxes)).toBe(0);
  expect(next("ArrowDown", 3, boxes)).toBeNull();
  expect(next("End", 0, boxes)).toBe(3);
});

test("a key in the address's fragment is used and gone from the address", () => {
  history.replaceState(null, "", "/create?x=1#key=gik_from_the_address");
  signInFromUrl();
  expect(useSession.getState().key).toBe("gik_from_the_address");
  expect(location.href).toMatch(/\/create\?x=1$/);
});

test("errors that only the caller can cure say what to change", () => {
  const error = new ApiError(422, "validation_failed", "The model cannot do that", [
    { field: "size", rule: "too large" },
  ]);
  expect(describeError(error)).toEqual({ title: "The model cannot do that", text: "size: too large" });
  expect(describeError(new ApiError(403, "forbidden", "Forbidden")).title).toBe("This key is not accepted");
});
