// Check the gzipped size of the first load against its budget: the entry script, everything it imports, and its styles.
import { readFileSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGETS = { js: 150_000, css: 25_000 };
const dist = new URL("../dist/", import.meta.url);
const chunks = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

function firstLoad(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const imported of chunks[key].imports ?? []) firstLoad(imported, seen);
  return seen;
}

const entry = Object.keys(chunks).find((key) => chunks[key].isEntry);
const loaded = [...firstLoad(entry)].map((key) => chunks[key]);
const files = {
  js: loaded.map((chunk) => chunk.file),
  css: [...new Set(loaded.flatMap((chunk) => chunk.css ?? []))],
};

let failed = false;
for (const [kind, budget] of Object.entries(BUDGETS)) {
  const bytes = files[kind].reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist))).length, 0);
  const comparison = bytes <= budget ? "within" : "ABOVE";
  failed ||= bytes > budget;
  process.stdout.write(
    `first load ${kind}: ${(bytes / 1000).toFixed(1)} kB gzip, ${comparison} the budget of ${budget / 1000} kB\n`,
  );
}
// The manifest is needed only here: do not publish it.
rmSync(new URL(".vite", dist), { recursive: true });
process.exit(failed ? 1 : 0);
