import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ExportList, ExportView, PreferencesResponse } from "genai-images-client";
import { http } from "msw";
import { afterEach, expect, test, vi } from "vitest";
import { keepAnswers, storeAnswers } from "@/api/answers";
import { followDeletions, forgetDeleted } from "@/api/deletions";
import { imageQuery } from "@/api/images";
import { keys, makeQueryClient } from "@/api/queries";
import { Erasure } from "@/features/erasure/Erasure";
import { Generator } from "@/features/generator/Generator";
import { Settings } from "@/features/settings/Settings";
import { isFileOf } from "@/lib/imageCache";
import { useBrowserSettings } from "@/state/browserSettings";
import { storedReceipt, storeReceipt } from "@/state/receipt";
import * as tabStorage from "@/state/tabStorage";
import { expectAccessible, renderAt } from "./render";
import { API, imageSummary, imageView, json, problem, REQUEST_ID, server } from "./server";

afterEach(() => {
  vi.unstubAllGlobals();
  server.events.removeAllListeners();
});

/** Record the calls that change something, and store preferences as the API does. */
function recordCalls(): string[] {
  const calls: string[] = [];
  let stored: PreferencesResponse = { defaults: {}, theme: "dark", analytics_opt_out: false };
  server.use(
    http.get(`${API}/v1/preferences`, () => json(stored, { headers: { etag: '"1"' } })),
    http.put(`${API}/v1/preferences`, async ({ request }) => {
      stored = (await request.json()) as PreferencesResponse;
      calls.push(`preferences ${stored.theme} ${stored.analytics_opt_out}`);
      return json(stored);
    }),
  );
  server.events.on("request:start", ({ request }) => {
    const { pathname, search } = new URL(request.url);
    if (request.method === "POST" && pathname === "/v1/requests" && !search) calls.push("request");
  });
  return calls;
}

async function generate(): Promise<void> {
  renderAt("/", [{ path: "/", Component: Generator }]);
  await userEvent.type(await screen.findByLabelText("Prompt"), "A fox");
  await userEvent.click(screen.getByRole("button", { name: /^Generate/ }));
}

test("with Global Privacy Control, the owner is opted out before the first request, other preferences stay", async () => {
  vi.stubGlobal("navigator", Object.assign(Object.create(navigator), { globalPrivacyControl: true }));
  const calls = recordCalls();
  await generate();

  await waitFor(() => expect(calls).toEqual(["preferences dark true", "request"]));
});

test("without Global Privacy Control, preferences are not changed", async () => {
  const calls = recordCalls();
  await generate();

  await waitFor(() => expect(calls).toEqual(["request"]));
});

test("the owner can opt out of analytics", async () => {
  const calls = recordCalls();
  server.use(http.get(`${API}/v1/me`, () => json({ owner: "ada" })));
  const { container } = renderAt("/", [{ path: "/", Component: Settings }]);
  const optOut = await screen.findByRole("switch", { name: "Exclude me from analytics" });
  await waitFor(() => expect(optOut).toBeEnabled());
  await userEvent.click(optOut);

  await waitFor(() => expect(calls).toEqual(["preferences dark true"]));
  await waitFor(() => expect(optOut).toBeChecked());
  await expectAccessible(container);
});

test("answers are kept only for offline reading, without keys and share links", () => {
  tabStorage.setWritable(true);
  const client = makeQueryClient();
  client.setQueryData(keys.image("a"), imageView(0));
  client.setQueryData(keys.me("gik_secret"), { owner: "ada" });
  client.setQueryData(keys.shares("a"), [{ id: "s" }]);
  storeAnswers(client);
  expect(sessionStorage.getItem("answers")).toBeNull();

  useBrowserSettings.setState({ offlineReading: true });
  storeAnswers(client);
  expect(sessionStorage.getItem("answers")).not.toMatch(/gik_secret|shares","a/);
  const next = makeQueryClient();
  keepAnswers(next);
  expect(next.getQueryData(keys.image("a"))).toEqual(imageView(0));
  expect(next.getQueryState(keys.image("a"))?.isInvalidated).toBe(true);

  useBrowserSettings.setState({ offlineReading: false });
  expect(sessionStorage.getItem("answers")).toBeNull();
});

test.each([
  ["an image", `${REQUEST_ID}-0`, [1]],
  ["a request", REQUEST_ID, []],
])("deleting %s removes it from every list", async (_what, id, left) => {
  const client = makeQueryClient();
  const images = [imageSummary(0), imageSummary(1)];
  client.setQueryData(keys.image(`${REQUEST_ID}-0`), imageView(0));
  client.setQueryData([...keys.images, {}], { pages: [{ images }], pageParams: [null] });
  await forgetDeleted(client, id);

  expect(client.getQueryData(keys.image(`${REQUEST_ID}-0`))).toBeUndefined();
  expect(client.getQueryData([...keys.images, {}])).toMatchObject({
    pages: [{ images: left.map((index) => images[index]) }],
  });
});

test("an image that the API does not find any more is forgotten", async () => {
  server.use(http.get(`${API}/v1/images/:id`, () => problem(404, "image_not_found")));
  const client = makeQueryClient();
  followDeletions(client);
  const id = `${REQUEST_ID}-0`;
  client.setQueryData(keys.image(id), imageView(0));
  client.setQueryData([...keys.images, {}], { pages: [{ images: [imageSummary(0)] }], pageParams: [null] });
  await expect(client.fetchQuery({ ...imageQuery(id), staleTime: 0, retry: false })).rejects.toThrow();

  expect(client.getQueryData(keys.image(id))).toBeUndefined();
  expect(client.getQueryData([...keys.images, {}])).toMatchObject({ pages: [{ images: [] }] });
});

test.each([
  [`http://s3.test/bucket/images/${REQUEST_ID}/0-ab/display.webp?signature=1`, `${REQUEST_ID}-0`, true],
  [`https://cdn.test/images/${REQUEST_ID}/10-ab/display.webp`, `${REQUEST_ID}-1`, false],
  [`https://cdn.test/images/${REQUEST_ID}/10-ab/display.webp`, REQUEST_ID, true],
])("%s is a file of %s: %s", (url, id, expected) => {
  expect(isFileOf(url, id)).toBe(expected);
});

test("all data is erased only after a confirmation, and the tab keeps the receipt", async () => {
  const replace = vi.fn();
  vi.stubGlobal("location", { href: location.href, replace });
  const erased = vi.fn();
  server.use(
    http.get(`${API}/v1/me`, () => json({ owner: "ada" })),
    http.delete(`${API}/v1/me`, () => {
      erased();
      return json({ id: "e-1", status: "running", receipt_token: "secret", links: { self: "/" } }, { status: 202 });
    }),
  );
  const { container } = renderAt("/", [{ path: "/", Component: Settings }]);
  await userEvent.click(await screen.findByRole("button", { name: "Erase my data" }));
  expect(screen.getByRole("dialog")).toHaveTextContent(/API keys, which stop working/);
  await expectAccessible(container);
  await userEvent.click(screen.getByRole("button", { name: "Keep my data" }));
  expect(erased).not.toHaveBeenCalled();
  await userEvent.click(screen.getByRole("button", { name: "Erase my data" }));
  await userEvent.click(screen.getByRole("button", { name: "Erase everything" }));

  await waitFor(() => expect(replace).toHaveBeenCalledWith("/erasure"));
  expect(storedReceipt()).toEqual({ id: "e-1", token: "secret" });
  expect(Object.keys(sessionStorage)).toEqual(["receipt"]);
});

test("an export shows its progress, and its files are downloaded with fresh links", async () => {
  const assign = vi.fn();
  vi.stubGlobal("location", { href: location.href, assign });
  const links = { self: "/v1/me/exports/x-1" };
  const summary = { id: "x-1", requested_at: "2026-11-23T07:44:20Z", links };
  const progress = { services_done: 2, services_total: 5, images_done: 0, images_total: 3 };
  let started = false;
  let reads = 0;
  server.use(
    http.get(`${API}/v1/me`, () => json({ owner: "ada" })),
    http.get(`${API}/v1/me/exports`, () =>
      json<ExportList>({ exports: started ? [{ ...summary, status: "running" }] : [] }),
    ),
    http.post(`${API}/v1/me/exports`, () => {
      started = true;
      return json({ ...summary, status: "running" }, { status: 202 });
    }),
    http.get(`${API}/v1/me/exports/x-1`, () => {
      reads += 1;
      if (reads === 1) return json<ExportView>({ ...summary, status: "running", progress, files: [] });
      const file = { name: "export-1.zip", bytes: 52_113_408, sha256: "ab", url: `https://s3.test/zip?${reads}` };
      const ready = { status: "ready", expires_at: "2026-11-30T07:44:20Z" } as const;
      return json<ExportView>({ ...summary, ...ready, progress, files: [file] });
    }),
  );
  const { container, client } = renderAt("/", [{ path: "/", Component: Settings }]);
  await userEvent.click(await screen.findByRole("button", { name: "Export my data" }));

  expect(await screen.findByText("Collecting your data: 2 of 5 parts are done.")).toBeVisible();
  expect(screen.getByRole("button", { name: "Exporting…" })).toBeDisabled();
  await client.invalidateQueries({ queryKey: keys.exports });
  const download = await screen.findByRole("button", { name: "Download export-1.zip" });
  expect(screen.getByText("52.1 MB")).toBeVisible();
  await expectAccessible(container);
  await userEvent.click(download);
  await waitFor(() => expect(assign).toHaveBeenCalledWith(`https://s3.test/zip?${reads}`));
  expect(reads).toBe(3);
});

test("a failed export says why", async () => {
  const failed = { id: "x-1", status: "failed", requested_at: "2026-11-23T07:44:20Z", links: { self: "/" } } as const;
  const progress = { services_done: 4, services_total: 5, images_done: 0, images_total: 0 };
  const reason = "These services did not answer: storage.";
  server.use(
    http.get(`${API}/v1/me`, () => json({ owner: "ada" })),
    http.get(`${API}/v1/me/exports`, () => json<ExportList>({ exports: [failed] })),
    http.get(`${API}/v1/me/exports/x-1`, () => json<ExportView>({ ...failed, reason, progress, files: [] })),
  );
  renderAt("/", [{ path: "/", Component: Settings }]);

  expect(await screen.findByText(/did not answer: storage/)).toBeVisible();
  expect(screen.getByRole("button", { name: "Export my data" })).toBeEnabled();
});

test("the receipt says what was erased, and groups what remains", async () => {
  tabStorage.setWritable(true);
  storeReceipt({ id: "e-1", token: "secret" });
  const log = { remains: "ids", reason: "A log cannot be edited.", until: "2026-12-29T00:00:00Z", erased: 0 };
  server.use(
    http.get(`${API}/v1/me/erasures/e-1`, ({ request }) =>
      request.headers.get("x-receipt-token") === "secret"
        ? json({
            id: "e-1",
            status: "running",
            scope: "owner",
            requested_at: "2026-11-29T00:00:00Z",
            stores: [
              { store: "intake/requests", erased: 4 },
              { store: "intake/logs", ...log },
              { store: "storage/logs", ...log },
            ],
          })
        : problem(404, "erasure_not_found"),
    ),
  );
  const { container } = renderAt("/", [{ path: "/", Component: Erasure }]);

  expect(await screen.findByText("intake/requests")).toBeVisible();
  expect(screen.getByText("intake/logs, storage/logs")).toBeVisible();
  expect(screen.getByText("secret")).toBeVisible();
  await expectAccessible(container);
});
