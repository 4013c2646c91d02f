import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { expect, test } from "vitest";

const SRC = join(import.meta.dirname, "..", "src");

/** The folders that each folder may import from. Features never import each other. */
const ALLOWED: Record<string, readonly string[]> = {
  app: ["app", "api", "components", "features", "lib", "state", "styles"],
  features: ["api", "components", "lib", "state"],
  components: ["api", "components", "lib", "state"],
  api: ["api", "lib", "state"],
  state: ["api", "lib", "state"],
  lib: ["api", "lib"],
};

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"((?:@\/|\.)[^"]+)"/g)].map(([, path = ""]) =>
    path.startsWith("@/") ? path.slice(2) : relative(SRC, normalize(join(SRC, dirname(file), path))),
  );
}

test("folders import only from lower layers, and features never import each other", () => {
  const violations = files.flatMap((file) => {
    const [folder = "", feature] = file.split("/");
    const allowed = ALLOWED[folder];
    if (!allowed) return [];
    return importsOf(file)
      .filter((path) => {
        const [to = "", toFeature] = path.split("/");
        if (folder === "features" && to === "features") return toFeature !== feature;
        return !allowed.includes(to);
      })
      .map((path) => `${file} imports ${path}`);
  });
  expect(violations).toEqual([]);
});

test("the check finds imports", () => {
  expect(importsOf("main.tsx")).toContain("app/router");
  expect(importsOf("app/router.tsx")).toContain("features/gallery/ImageDetail");
});
