import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { checkPrompt, createClient, createRequest, listModels } from "../src/index.ts";
import { accepted, json, KEY, problem, stubbed } from "./api.ts";

const MODELS = { models: [] };
/** The waits of a test in milliseconds. They take no time. */
let waits: number[] = [];

beforeEach(() => {
  waits = [];
  mock.method(Math, "random", () => 0.5);
  mock.method(globalThis, "setTimeout", (callback: () => void, milliseconds: number) => {
    waits.push(milliseconds);
    queueMicrotask(callback);
  });
});

test("a call is repeated after a lost connection and after a server error, with a growing wait", async () => {
  const { client, calls } = stubbed(new TypeError("fetch failed"), problem(503, "unavailable"), json(MODELS));
  assert.deepEqual((await listModels({ client })).data, MODELS);
  assert.equal(calls.length, 3);
  assert.deepEqual(waits, [250, 500]);
});

test("a repeated call waits as long as the API asks", async () => {
  const { client } = stubbed(problem(429, "too_many_calls", { "retry-after": "7" }), json(MODELS));
  await listModels({ client });
  assert.deepEqual(waits, [7250]);
});

test("a wait of minutes is left to the caller", async () => {
  const { client, calls } = stubbed(problem(429, "rate_limited", { "retry-after": "400" }));
  await assert.rejects(listModels({ client }), { status: 429, code: "rate_limited", retryAfter: 400 });
  assert.equal(calls.length, 1);
});

test("the last failure is thrown after five attempts", async () => {
  const { client, calls } = stubbed(...Array.from({ length: 5 }, () => problem(500, "internal_error")));
  await assert.rejects(listModels({ client }), { status: 500 });
  assert.equal(calls.length, 5);
});

test("an error that a repetition cannot fix is thrown at once", async () => {
  const { client, calls } = stubbed(problem(404, "not_found"));
  await assert.rejects(listModels({ client }), { status: 404 });
  assert.equal(calls.length, 1);
});

test("a POST is repeated only with an idempotency key, with the same key and body", async () => {
  const unsafe = stubbed(problem(503, "unavailable"));
  await assert.rejects(checkPrompt({ client: unsafe.client, body: { prompt: "A fox" } }), { status: 503 });
  assert.equal(unsafe.calls.length, 1);

  const { client, calls } = stubbed(new TypeError("fetch failed"), accepted());
  await createRequest({ client, body: { prompt: "A fox" }, headers: { "Idempotency-Key": "order-1" } });
  assert.deepEqual(
    calls.map(({ headers }) => headers.get("idempotency-key")),
    ["order-1", "order-1"],
  );
  for (const call of calls) assert.deepEqual(await call.json(), { prompt: "A fox" });
});

test("an attempt that takes too long is aborted and repeated", async () => {
  let attempts = 0;
  const client = createClient({
    api: "https://api.test",
    key: KEY,
    timeoutMs: 5,
    fetch: ({ signal }) => {
      attempts += 1;
      if (attempts === 2) return Promise.resolve(json(MODELS));
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  // The timer of `AbortSignal.timeout` does not keep Node running.
  const keepRunning = setInterval(() => undefined, 1000);
  await listModels({ client });
  clearInterval(keepRunning);
  assert.equal(attempts, 2);
});

test("the caller's signal ends the call without another attempt", async () => {
  const controller = new AbortController();
  let attempts = 0;
  const client = createClient({
    api: "https://api.test",
    key: KEY,
    fetch: async () => {
      attempts += 1;
      controller.abort(new Error("enough"));
      throw new TypeError("aborted");
    },
  });
  await assert.rejects(listModels({ client, signal: controller.signal }), new TypeError("aborted"));
  assert.equal(attempts, 1);
});
