import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { download, type Image, iterate, listImages, listRequests } from "../src/index.ts";
import { json, stubbed } from "./api.ts";

test("a list is read page by page, also after an empty page", async () => {
  const { client, calls } = stubbed(
    json({ images: [{ id: "a" }, { id: "b" }], next_cursor: "2" }),
    json({ images: [], next_cursor: "3" }),
    json({ images: [{ id: "c" }] }),
  );
  const ids: string[] = [];
  for await (const image of iterate(listImages, { client, query: { q: "fox", limit: 2 } })) ids.push(image.id);
  assert.deepEqual(ids, ["a", "b", "c"]);
  assert.deepEqual(
    calls.map(({ url }) => new URL(url).search),
    ["?q=fox&limit=2", "?q=fox&limit=2&cursor=2", "?q=fox&limit=2&cursor=3"],
  );
});

test("a page is read only when it is needed", async () => {
  const { client, calls } = stubbed(json({ requests: [{ id: "a" }], next_cursor: "2" }));
  for await (const { id, status } of iterate(listRequests, { client })) {
    assert.deepEqual([id, status], ["a", undefined]);
    break;
  }
  assert.equal(calls.length, 1);
});

const image: Image = { id: "a", index: 0, width: 1, height: 1, model: "core", seed: 1, cost_usd: "0.04" };

test("an image is downloaded without the key", async () => {
  const get = mock.method(globalThis, "fetch", async (request: Request) => {
    assert.equal(request.headers.get("x-api-key"), null);
    return new Response("bytes", { headers: { "content-type": "image/png" } });
  });
  const blob = await download({ ...image, url: "https://images.test/a.png?signature=1" });
  assert.deepEqual([blob.type, await blob.text()], ["image/png", "bytes"]);
  assert.equal(get.mock.callCount(), 1);
  get.mock.restore();
});

test("an image that is gone is an error", async () => {
  const get = mock.method(globalThis, "fetch", async () => new Response("<Error/>", { status: 403 }));
  await assert.rejects(download({ ...image, url: "https://images.test/a.png" }), { name: "ApiError", status: 403 });
  await assert.rejects(download(image), { name: "ApiError", code: "deleted" });
  get.mock.restore();
});
