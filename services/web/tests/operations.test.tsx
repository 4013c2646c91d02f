import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type {
  AppealQueue,
  AppealReview,
  AppealView,
  AuditReport,
  DeadLetterGroup,
  DeadLetterGroupList,
  DeadLetterOutcomeList,
  NewDecision,
  NewReplay,
  Readiness,
  Trace,
} from "genai-images-client";
import { http } from "msw";
import { beforeEach, expect, test, vi } from "vitest";
import { Operations } from "@/features/operations/Operations";
import { expectAccessible, renderAt } from "./render";
import { API, json, problem, REQUEST_ID, server } from "./server";

const show = () => renderAt("/operations", [{ path: "/operations", element: <Operations /> }]);

const READINESS: Readiness = {
  status: "degraded",
  version: "dev",
  boto3_version: "1.43.106",
  checked_at: "2026-11-24T00:00:00Z",
  writes: "open",
  shedding: "none",
  attention: ["generation.generate has 3 dead letters"],
  dependencies: [
    { name: "requests table", reachable: true, status: "ok", milliseconds: 4 },
    { name: "event bus", reachable: true, status: "slow", milliseconds: 1240 },
    { name: "gallery table", reachable: false, status: "failed", error: "Timeout" },
  ],
  steps: [{ step: "generation.generate", waiting: 0, in_flight: 1, dead: 3, oldest_dead_seconds: 120 }],
};

const GROUP: DeadLetterGroup = {
  step: "generation.generate",
  fingerprint: "ab12cd34",
  kind: "transient",
  advice: "Replay them.",
  error: "TimeoutError",
  reason: "The model did not respond",
  count: 3,
  oldest: "2026-11-24T00:00:00Z",
};

beforeEach(() =>
  server.use(
    http.get(`${API}/health/ready`, ({ request }) =>
      request.headers.get("x-api-key") === "gik_operators_key" ? json(READINESS) : problem(403, "insufficient_scope"),
    ),
    http.get(`${API}/v1/operations/audit`, () =>
      json<AuditReport>({
        segments: 1,
        audited: 1,
        complete: true,
        violations: 0,
        within_bound: 0,
        rules: [],
        findings: [],
      }),
    ),
    http.get(`${API}/v1/operations/dead-letters`, () => json<DeadLetterGroupList>({ groups: [GROUP], complete: true })),
    http.get(`${API}/v1/operations/appeals`, () => json<AppealQueue>({ appeals: [] })),
    http.get(`${API}/v1/operations/traces/:id`, () =>
      json<Trace>({
        request_id: REQUEST_ID,
        trace_id: "abc",
        status: "succeeded",
        accepted_at: "2026-11-24T00:00:00Z",
        seconds: 6.8,
        attempts_known: true,
        events: [
          {
            event_id: "1",
            event: "ImageRequested",
            at: "2026-11-24T00:00:00Z",
            after_seconds: 0,
            since_cause_seconds: 0,
            certain: true,
            steps: [{ step: "moderation.prompt", attempts: 2, deliveries: [], calls: [], events: [] }],
          },
        ],
      }),
    ),
  ),
);

test("an operator key replaces a key without the scope, on this page only", async () => {
  show();
  expect(await screen.findByText("This API key lacks permission")).toBeVisible();
  await userEvent.type(screen.getByLabelText("Operator API key"), "gik_operators_key");
  await userEvent.click(screen.getByRole("button", { name: "Use key" }));
  expect(await screen.findByText("generation.generate has 3 dead letters")).toBeVisible();
  expect(screen.getByText("event bus: slow, 1.2 s")).toBeVisible();
  expect(screen.getByText("gallery table: Timeout")).toBeVisible();
  expect(screen.queryByText(/requests table/)).toBeNull();
  expect(sessionStorage.getItem("api-key")).toBeNull();
});

test("queues, the audit and a trace are shown", async () => {
  const { container } = show();
  await userEvent.type(await screen.findByLabelText("Operator API key"), "gik_operators_key");
  await userEvent.click(screen.getByRole("button", { name: "Use key" }));
  const row = await screen.findByRole("row", { name: /generation.generate/ });
  expect(within(row).getByRole("cell", { name: "3" })).toBeVisible();
  expect(await screen.findByText("No violations")).toBeVisible();
  await userEvent.type(screen.getByLabelText("Request ID"), "not an id{Enter}");
  expect(screen.getByRole("alert")).toHaveTextContent("Enter a request ID");
  await userEvent.clear(screen.getByLabelText("Request ID"));
  await userEvent.type(screen.getByLabelText("Request ID"), `${REQUEST_ID}{Enter}`);
  expect(await screen.findByText("ImageRequested")).toBeVisible();
  expect(screen.getByText("2 attempts")).toBeVisible();
  await expectAccessible(container);
});

test("a replay needs a dry run and starts with a canary", async () => {
  const replays: NewReplay[] = [];
  server.use(
    http.post(`${API}/v1/operations/replays`, async ({ request }) => {
      replays.push((await request.json()) as NewReplay);
      return json<DeadLetterOutcomeList>({ outcomes: [] });
    }),
  );
  show();
  await userEvent.type(await screen.findByLabelText("Operator API key"), "gik_operators_key");
  await userEvent.click(screen.getByRole("button", { name: "Use key" }));
  await userEvent.click(await screen.findByRole("button", { name: "Replay…" }));
  expect(screen.queryByRole("button", { name: /canary first/ })).not.toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Start dry run" }));
  await userEvent.click(await screen.findByRole("button", { name: /canary first/ }));
  await vi.waitFor(() => expect(replays).toHaveLength(2));
  const letters = { queue: "generation.generate", fingerprint: "ab12cd34" };
  expect(replays).toEqual([
    { ...letters, dry_run: true },
    { ...letters, dry_run: false, canary: true },
  ]);
});

test("an appeal is read once and decided with a reason", async () => {
  const appeal: AppealView = {
    request_id: REQUEST_ID,
    status: "pending",
    subject: "prompt",
    category: "violence",
    policy_version: "default@1",
    reason: "It is a stage play.",
    appealed_at: "2026-11-24T00:00:00Z",
  };
  const decisions: NewDecision[] = [];
  let reads = 0;
  server.use(
    http.get(`${API}/v1/operations/appeals`, () =>
      json<AppealQueue>({ appeals: decisions.length > 0 ? [] : [{ ...appeal, owner: "own_a" }] }),
    ),
    http.get(`${API}/v1/operations/appeals/:id`, () => {
      reads += 1;
      return json<AppealReview>({ ...appeal, owner: "own_a", prompt: "A duel on a stage" });
    }),
    http.post(`${API}/v1/operations/appeals/:id/decision`, async ({ request }) => {
      decisions.push((await request.json()) as NewDecision);
      return json<AppealView>({ ...appeal, status: "granted" });
    }),
  );
  const { container } = show();
  await userEvent.type(await screen.findByLabelText("Operator API key"), "gik_operators_key");
  await userEvent.click(screen.getByRole("button", { name: "Use key" }));
  const review = await screen.findByRole("button", { name: "Review…" });
  expect(screen.queryByText("A duel on a stage")).not.toBeInTheDocument();
  expect(reads).toBe(0);
  await userEvent.click(review);
  expect(await screen.findByText("A duel on a stage")).toBeVisible();
  expect(screen.getByText("It is a stage play.")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Grant" }));
  expect(screen.getByRole("alert")).toHaveTextContent("Enter a reason.");
  expect(decisions).toHaveLength(0);
  await userEvent.type(screen.getByLabelText("Reason of your decision"), "The policy allows it.");
  await expectAccessible(container);
  await userEvent.click(screen.getByRole("button", { name: "Grant" }));
  expect(await screen.findByText("No appeal waits for a decision.")).toBeVisible();
  expect(decisions).toEqual([{ decision: "granted", reason: "The policy allows it." }]);
  expect(reads).toBe(1);
});
