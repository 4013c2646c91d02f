import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { ApiError, createClient, listModels, showHealth } from "../src/index.ts";
import { json, KEY, problem, stubbed } from "./api.ts";

async function errorOf(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.then(
    () => assert.fail("The call succeeded."),
    (error: unknown) => error,
  );
  assert(error instanceof ApiError);
  return error;
}

test("a problem document becomes an error with all its members", async () => {
  const errors = [{ field: "size", rule: "stable-image-core takes an aspect_ratio instead" }];
  const { client } = stubbed(problem(422, "validation_failed", {}, { detail: "The detail", errors }));
  const {
    status,
    code,
    title,
    detail,
    errors: fields,
    callId,
    retryAfter,
    message,
  } = await errorOf(listModels({ client }));
  assert.deepEqual(
    { status, code, title, detail, fields, callId, retryAfter },
    {
      status: 422,
      code: "validation_failed",
      title: "The title",
      detail: "The detail",
      fields: errors,
      callId: "call-1",
      retryAfter: null,
    },
  );
  assert.equal(message, "The title · The detail · size: stable-image-core takes an aspect_ratio instead");
});

test("an error of the gateway itself gets a code, and the gateway's id of the call", async () => {
  const { client } = stubbed(json({ message: "Forbidden" }, 403, { "apigw-requestid": "gateway-1" }));
  const { code, title, callId } = await errorOf(listModels({ client }));
  assert.deepEqual({ code, title, callId }, { code: "forbidden", title: "Forbidden", callId: "gateway-1" });
});

test("an error without a readable body has at least its status", async () => {
  const { client } = stubbed(new Response("<html>", { status: 404 }));
  assert.equal((await errorOf(listModels({ client }))).message, "HTTP status 404");
});

test("without a response, the error has the status 0 and the cause", async () => {
  const cause = new TypeError("fetch failed");
  const client = createClient({ api: "https://api.test", key: KEY, retries: 0, fetch: () => Promise.reject(cause) });
  const error = await errorOf(listModels({ client }));
  assert.deepEqual([error.status, error.code, error.cause], [0, "unreachable", cause]);
});

test("no error contains the key", async () => {
  for (const answer of [problem(401, "unauthorized"), json({ message: "Forbidden" }, 403)]) {
    const { client, calls } = stubbed(answer);
    const error = await errorOf(listModels({ client }));
    assert.equal(calls[0]?.headers.get("x-api-key"), KEY);
    assert(!inspect(error, { depth: null, showHidden: true }).includes(KEY));
  }
  const client = createClient({ api: "http://127.0.0.1:1", key: KEY, retries: 0 });
  assert(!inspect(await errorOf(listModels({ client })), { depth: null, showHidden: true }).includes(KEY));
});

test("the key goes only to operations that need one, and may change between calls", async () => {
  let key = "gik_first";
  const sent: (string | null)[] = [];
  const client = createClient({
    api: "https://api.test",
    key: () => key,
    fetch: async ({ headers }) => {
      sent.push(headers.get("x-api-key"));
      assert.equal(headers.get("authorization"), null);
      return json({});
    },
  });
  await showHealth({ client });
  await listModels({ client });
  key = "gik_second";
  await listModels({ client });
  assert.deepEqual(sent, [null, "gik_first", "gik_second"]);
});
