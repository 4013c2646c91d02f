import { screen, within } from "@testing-library/react";
import type { DailyReport, Numbers } from "genai-images-client";
import { http } from "msw";
import { expect, test } from "vitest";
import { Dashboard } from "@/features/dashboard/Dashboard";
import { range, successRate } from "@/features/dashboard/statistics";
import { expectAccessible, renderAt } from "./render";
import { API, json, problem, server } from "./server";

const show = () => renderAt("/", [{ path: "/", element: <Dashboard /> }]);

const NUMBERS: Numbers = {
  requests: { accepted: 12, succeeded: 9, rejected: 1, failed: 0, cancelled: 2 },
  images: { stored: 11 },
  cost_usd: "0.44",
  models: { "stable-image-core": { requests: 12, images: 11, cost_usd: "0.44" } },
  styles: { "pixel-art": 3 },
  rejections: { illegal: 1 },
  failures: {},
  steps: { request: { count: 9, mean_ms: 7000, p50_ms: 6800, p95_ms: 12_000, stalled: 0, replayed: 0 } },
};

test("statistics are shown as totals, charts and tables", async () => {
  server.use(
    http.get(`${API}/v1/analytics/daily`, () =>
      json<DailyReport>({ days: [{ ...NUMBERS, day: "2026-11-24" }], total: NUMBERS }),
    ),
  );
  const { container } = show();
  expect(await screen.findByText("90.0 %")).toBeVisible();
  expect(screen.getByText("6.8 s", { selector: "dd" })).toBeVisible();
  const blocked = screen.getByRole("region", { name: "Rejected by category" });
  expect(within(blocked).getByRole("row", { name: /Illegal or dangerous acts 1/ })).toBeVisible();
  await expectAccessible(container);
});

test("a key without the scope gets an explanation", async () => {
  server.use(http.get(`${API}/v1/analytics/daily`, () => problem(403, "insufficient_scope")));
  show();
  expect(await screen.findByText("This API key lacks permission")).toBeVisible();
});

test("cancelled requests do not count, and without finished requests there is no rate", () => {
  expect(successRate({ requests: { succeeded: 3, failed: 1, cancelled: 5 } })).toBe(0.75);
  expect(successRate({ requests: { cancelled: 5 } })).toBeNull();
});

test("the last day of a period is today, in UTC", () => {
  expect(range(7, new Date("2026-11-24T23:30:00Z"))).toEqual({ from: "2026-11-18", to: "2026-11-24" });
});
