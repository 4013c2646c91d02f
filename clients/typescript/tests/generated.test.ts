import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

type Operation = { operationId?: string };

const document: { paths: Record<string, Record<string, Operation>> } = JSON.parse(
  readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8"),
);
const operations = Object.values(document.paths)
  .flatMap((methods) => Object.values(methods))
  .flatMap(({ operationId }) => operationId ?? []);

test("every operation of the API is a function, and no helper hides one", async () => {
  const client = new Map<string, unknown>(Object.entries(await import("../src/index.ts")));
  const sdk = new Map<string, unknown>(Object.entries(await import("../src/generated/sdk.gen.ts")));
  assert(operations.length > 40);
  const names = operations.map((id) => id.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
  assert.deepEqual(names.toSorted(), [...sdk.keys()].toSorted());
  for (const name of names) assert.equal(client.get(name), sdk.get(name), name);
});
