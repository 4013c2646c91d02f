import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import {
  FailedError,
  generate,
  RejectedError,
  type RequestParameters,
  submit,
  WaitTimeoutError,
  wait,
} from "../src/index.ts";
import { accepted, ID, problem, stubbed, view } from "./api.ts";

let waits: number[] = [];

beforeEach(() => {
  waits = [];
  mock.method(globalThis, "setTimeout", (callback: () => void, milliseconds: number) => {
    waits.push(milliseconds);
    queueMicrotask(callback);
  });
});

test("a prompt becomes a request with an idempotency key of its own", async () => {
  const { client, calls } = stubbed(accepted(), accepted());
  assert.equal((await submit(client, "A red fox")).id, ID);
  await submit(client, { prompt: "A red fox", count: 2 });
  assert.equal(calls[0]?.url, "https://api.test/v1/requests");
  assert.deepEqual(await Promise.all(calls.map((call) => call.json())), [
    { prompt: "A red fox" },
    { prompt: "A red fox", count: 2 },
  ]);
  const keys = calls.map(({ headers }) => headers.get("idempotency-key"));
  assert.match(keys[0] ?? "", /^[0-9a-f-]{36}$/);
  assert.notEqual(keys[0], keys[1]);
  assert.equal(calls[0]?.headers.get("prefer"), null);
});

test("a request that finishes during the call needs no other call", async () => {
  const { client, calls } = stubbed(view("succeeded"));
  const request = await generate(client, "A red fox", { idempotencyKey: "order-1" });
  assert.deepEqual([request.status, request.images], ["succeeded", []]);
  assert.equal(calls[0]?.headers.get("prefer"), "wait=25");
  assert.equal(calls[0]?.headers.get("idempotency-key"), "order-1");
});

test("a request that takes longer is polled as often as the API asks", async () => {
  const { client, calls } = stubbed(accepted(), view("generating"), view("stalled"), view("succeeded"));
  assert.equal((await generate(client, "A red fox")).status, "succeeded");
  assert.deepEqual(waits, [2000, 2000, 2000]);
  assert.deepEqual(
    calls.slice(1).map(({ url }) => url),
    Array.from({ length: 3 }, () => `https://api.test/v1/requests/${ID}`),
  );
});

test("a rejection is an error with the reason, and without the prompt", async () => {
  const reason = { code: "content_policy", category: "violence", field: "prompt", detail: "The prompt was rejected." };
  const request: RequestParameters = {
    prompt: "A secret prompt",
    quality: "standard",
    count: 1,
    seed: 1,
    models: [],
    width: 1,
    height: 1,
  };
  const { client } = stubbed(view("rejected", { reason, request }));
  const error = await wait(client, ID).catch((error: unknown) => error);
  assert(error instanceof RejectedError);
  const { requestId, status, code, category, field, message } = error;
  assert.deepEqual(
    { requestId, status, code, category, field, message },
    {
      requestId: ID,
      status: "rejected",
      code: "content_policy",
      category: "violence",
      field: "prompt",
      message: reason.detail,
    },
  );
  assert(!JSON.stringify(error).includes("secret"));
});

for (const status of ["failed", "expired", "cancelled"] as const)
  test(`a request that is ${status} is an error`, async () => {
    const { client } = stubbed(view(status));
    await assert.rejects(wait(client, ID), (error) => error instanceof FailedError && error.status === status);
  });

test("waiting ends when the time is up, before the next poll", async () => {
  const { client, calls } = stubbed(accepted(), view("generating"));
  await assert.rejects(
    generate(client, "A red fox", { timeoutMs: 1500 }),
    (error) => error instanceof WaitTimeoutError && error.requestId === ID,
  );
  assert.equal(calls[0]?.headers.get("prefer"), "wait=1");
  await assert.rejects(wait(client, ID, { timeoutMs: 0 }), { status: "generating" });
});

test("the caller's signal ends the waiting", async () => {
  mock.restoreAll();
  const controller = new AbortController();
  const { client } = stubbed(view("generating"));
  const waiting = wait(client, ID, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await assert.rejects(waiting, { message: "enough" });
});

test("a refused request is the API's error", async () => {
  const { client } = stubbed(problem(422, "validation_failed"));
  await assert.rejects(generate(client, ""), { name: "ApiError", code: "validation_failed" });
});
