import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

/** Words that UI copy must not use, each with its replacement. */
const BANNED: readonly [pattern: RegExp, instead: string][] = [
  [/\b(pictures?|frames?)\b/i, "image"],
  [/\b(draws?|drew|drawn|drawings?|paint(s|ed|ing|ings)?)\b/i, "generate"],
  [/\b(tells?|told|hears?|heard|says?|said)\b/i, "publish, consume, notify, return"],
  [/\b(take|takes|taken|took) (it )?back\b/i, "cancel"],
  [/\bgiven up\b/i, "expired"],
  [/\b(ended|endings?|is over)\b/i, "terminal, finished"],
  [/\b(facts?|happenings?)\b/i, "timeline entry"],
  [/\bcatalogues?\b/i, "catalog"],
  [/\bmend(s|ed|ing)?\b/i, "repair"],
  [/\b(gives? back|settles?|settled)\b/i, "refund"],
  [/\b(desks?|shelf|shelves)\b/i, "operator session, quarantine"],
  [/\b(in hand|let go|postpone[ds]?)\b/i, "reserve, release, change visibility"],
  [/\b(guards?|bury|buried|patience)\b/i, "lease, tombstone, timeout"],
  [/\b(unwell|saboteurs?|storms?|weather)\b/i, "service health alarm, fault injector"],
  [/\b(leave|left) out\b/i, "negative prompt"],
  [/\btechniques?\b/i, "style"],
  [/\bshapes?\b/i, "aspect ratio"],
  [/\b(the usual one|the usual choice)\b/i, "default"],
  [/\bforget it\b/i, "sign out"],
  [/\ba key first\b/i, "enter your API key"],
  [/\b(wish|wishes)\b/i, "request"],
];

/** Text that may contain a banned word, each with the reason. */
const ALLOWED: readonly { file: RegExp; text: string; reason: string }[] = [
  { file: /promptStyles\.ts$/, text: "oil painting", reason: "a keyword that the model understands, not UI wording" },
  { file: /promptStyles\.ts$/, text: "pencil drawing", reason: "a keyword that the model understands, not UI wording" },
  { file: /examples\.ts$/, text: "oil painting", reason: "part of the prompt of an example image" },
];

/** Return the string literals and JSX texts of a module, without import paths, types and CSS classes. */
function textsOf(file: string, source: string): string[] {
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
    if (ts.isJsxAttribute(node) && node.name.getText() === "className") return;
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node) || ts.isJsxText(node)) texts.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX));
  return texts.map((text) => text.replaceAll(/\s+/g, " ").trim()).filter(Boolean);
}

/** Return a message for each banned word in a text, apart from the allowed phrases of its file. */
function violations(file: string, text: string): string[] {
  const checked = ALLOWED.filter((allowed) => allowed.file.test(file)).reduce(
    (rest, allowed) => rest.replaceAll(allowed.text, ""),
    text,
  );
  return BANNED.flatMap(([pattern, instead]) => {
    const [word] = pattern.exec(checked) ?? [];
    return word === undefined ? [] : [`${file}: "${word}" in "${text}" (use: ${instead})`];
  });
}

function sources(): [file: string, texts: string[]][] {
  const modules = ["src", "reference"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"))
      .map((name) => join(folder, name)),
  );
  const pages = ["index.html", join("reference", "index.html")];
  return [
    ...[...modules, "vite.config.ts"].map((file): [string, string[]] => [
      file,
      textsOf(file, readFileSync(join(ROOT, file), "utf8")),
    ]),
    ...pages.map((file): [string, string[]] => {
      const html = readFileSync(join(ROOT, file), "utf8");
      return [file, [...html.matchAll(/content="([^"]*)"|>([^<]+)</g)].map(([, value, text]) => value ?? text ?? "")];
    }),
  ];
}

test("UI copy uses the vocabulary of the project", () => {
  expect(sources().flatMap(([file, texts]) => texts.flatMap((text) => violations(file, text)))).toEqual([]);
});

test("every exception is still needed", () => {
  const unused = ALLOWED.filter(
    ({ file, text }) => !sources().some(([name, texts]) => file.test(name) && texts.some((one) => one.includes(text))),
  );
  expect(unused).toEqual([]);
});

test.each([
  ["<p>Take back</p>", "JSX text"],
  ['<Field label="Leave out" />', "an attribute"],
  ['const label = "Pictures per day";', "a string"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: source code under test
  ["const text = `${count} pictures`;", "a template"],
])("a banned word is found in %s (%s)", (source) => {
  expect(textsOf("a.tsx", source).flatMap((text) => violations("a.tsx", text))).toHaveLength(1);
});

test.each([
  ['import { x } from "./picture";'],
  ['const picture: "picture" | null = null;'],
  ['<p className="frame">Thunderstorm</p>'],
])("identifiers, import paths, types and CSS classes are ignored: %s", (source) => {
  expect(textsOf("a.tsx", source).flatMap((text) => violations("a.tsx", text))).toEqual([]);
});
