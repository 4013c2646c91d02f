import { onlineManager } from "@tanstack/react-query";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { AcceptedView, AppealView, NewAppeal, NewRequest, RequestList, RequestView } from "genai-images-client";
import { HttpResponse, http } from "msw";
import { afterEach, expect, test } from "vitest";
import { Generator } from "@/features/generator/Generator";
import { useSession } from "@/state/session";
import { expectAccessible, renderAt } from "./render";
import { API, json, problem, REQUEST_ID, requestView, server } from "./server";

afterEach(() => onlineManager.setOnline(true));

const show = () => renderAt("/create", [{ path: "/create", element: <Generator /> }]);
const prompt = () => screen.findByLabelText("Prompt");
const generateButton = () => screen.getByRole("button", { name: /^generate/i });

/** Let the API accept requests and return `view` for each. Returns the requests received. */
function acceptRequests(view: () => RequestView) {
  const sent: { body: NewRequest; key: string | null }[] = [];
  server.use(
    http.post(`${API}/v1/requests`, async ({ request }) => {
      if (new URL(request.url).searchParams.has("dry_run")) return undefined;
      sent.push({ body: (await request.json()) as NewRequest, key: request.headers.get("idempotency-key") });
      return json<AcceptedView>(
        { id: REQUEST_ID, status: "accepted", links: { self: `/v1/requests/${REQUEST_ID}` } },
        { status: 202 },
      );
    }),
    http.get(`${API}/v1/requests`, () => {
      const { id, status, created_at, links } = view();
      return json<RequestList>({ requests: sent.length > 0 ? [{ id, status, created_at, links }] : [] });
    }),
    http.get(`${API}/v1/requests/:id`, () => json(view())),
  );
  return sent;
}

test("without a key, the generator asks for one", async () => {
  useSession.setState({ key: null });
  const { container } = show();
  expect(screen.getByRole("heading", { name: "Enter your API key" })).toBeVisible();
  await expectAccessible(container);
});

test("the form offers models with price and end of life, except retired ones", async () => {
  const { container } = show();
  const models = await screen.findByRole("group", { name: "Model" });
  expect(within(models).getAllByRole("radio")).toHaveLength(2);
  expect(within(models).getByText(/about 7 s · default/)).toBeVisible();
  expect(within(models).getByText(/available until .*2027/)).toBeVisible();
  await expectAccessible(container);
});

test("a prompt that is too long for the model is not sent", async () => {
  const sent = acceptRequests(requestView);
  show();
  await userEvent.click(await prompt());
  await userEvent.paste("x".repeat(205));
  expect(screen.getByRole("alert")).toHaveTextContent("5 characters over the limit");
  await userEvent.click(generateButton());
  expect(sent).toEqual([]);
});

test("the selected settings are sent with an idempotency key", async () => {
  const sent = acceptRequests(requestView);
  show();
  await userEvent.type(await prompt(), "A red fox");
  await userEvent.click(screen.getByRole("button", { name: "Watercolor" }));
  await userEvent.click(screen.getByRole("radio", { name: /16:9/ }));
  await userEvent.click(screen.getByRole("radio", { name: "2 images" }));
  await userEvent.type(screen.getByLabelText("Seed"), "42");
  expect(await screen.findByText(/\$0\.16 at most/)).toBeVisible();
  await userEvent.click(generateButton());
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.body).toEqual({
    prompt: "A red fox, watercolor",
    model: "stable-image-core",
    aspect_ratio: "16:9",
    quality: "standard",
    count: 2,
    seed: 42,
  });
  expect(sent[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
});

test("another model drops unsupported settings and offers its styles and qualities", async () => {
  show();
  await userEvent.click(await screen.findByRole("radio", { name: /16:9/ }));
  await userEvent.click(screen.getByRole("radio", { name: /^Canvas/ }));
  expect(screen.getByRole("radio", { name: /Square, 1024×1024/ })).toBeChecked();
  await userEvent.click(screen.getByRole("radio", { name: "Photorealism" }));
  expect(screen.getByRole("radio", { name: "Photorealism" })).toBeChecked();
  expect(screen.getByRole("radio", { name: /Premium/ })).toBeInTheDocument();
});

test("a request in progress shows its progress and then its image", async () => {
  let view = requestView();
  acceptRequests(() => view);
  const { container } = show();
  await userEvent.type(await prompt(), "A red fox");
  await userEvent.click(generateButton());
  const card = await screen.findByRole("article", { name: /Request: A red fox/ });
  expect(within(card).getByText("+2.0 s")).toBeVisible();
  expect(within(card).getByRole("status")).toHaveTextContent("Generating");
  view = requestView({
    status: "succeeded",
    timeline: ["ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored"].map(
      (event, second) => ({ event, event_id: event, at: new Date(Date.UTC(2026, 10, 24, 0, 0, second)).toISOString() }),
    ),
    images: [
      {
        id: `${REQUEST_ID}-0`,
        index: 0,
        width: 1344,
        height: 768,
        model: "stable-image-core",
        seed: 11,
        cost_usd: "0.04",
        display_url: "http://images.test/0/display.webp",
      },
    ],
  });
  expect(await within(card).findByRole("img", { name: "A red fox" })).toBeInTheDocument();
  expect(within(card).getByRole("status")).toHaveTextContent("Done");
  await expectAccessible(container);
});

test("a rejected prompt shows the category and can be edited", async () => {
  acceptRequests(() =>
    requestView({
      status: "rejected",
      reason: { code: "category_blocked", category: "illegal", field: "prompt", detail: "…" },
      timeline: [{ event: "ImageRequested", event_id: "1", at: "2026-11-24T00:00:00Z" }],
    }),
  );
  show();
  await userEvent.type(await prompt(), "Something");
  await userEvent.click(generateButton());
  expect(await screen.findByText(/Category: illegal or dangerous acts/)).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Edit and try again" }));
  expect(await prompt()).toHaveValue("A red fox");
  expect(await prompt()).toHaveFocus();
});

test("a rejected prompt can be appealed once, with a reason", async () => {
  acceptRequests(() =>
    requestView({
      status: "rejected",
      reason: { code: "category_blocked", category: "violence", field: "prompt", detail: "…" },
      timeline: [{ event: "ImageRequested", event_id: "1", at: "2026-11-24T00:00:00Z" }],
    }),
  );
  const reasons: string[] = [];
  const appeal: Omit<AppealView, "reason"> = {
    request_id: REQUEST_ID,
    status: "pending",
    subject: "prompt",
    category: "violence",
    policy_version: "default@1",
    appealed_at: "2026-11-24T00:00:00Z",
  };
  server.use(
    http.get(`${API}/v1/requests/:id/appeal`, () => {
      const [reason] = reasons;
      return reason === undefined ? problem(404, "appeal_not_found") : json<AppealView>({ ...appeal, reason });
    }),
    http.post(`${API}/v1/requests/:id/appeal`, async ({ request }) => {
      const { reason } = (await request.json()) as NewAppeal;
      reasons.push(reason);
      return json<AppealView>({ ...appeal, reason }, { status: 201 });
    }),
  );
  show();
  await userEvent.type(await prompt(), "A duel on a stage");
  await userEvent.click(generateButton());
  await userEvent.click(await screen.findByRole("button", { name: "Appeal this decision…" }));
  await userEvent.click(screen.getByRole("button", { name: "Send appeal" }));
  expect(screen.getByRole("alert")).toHaveTextContent("Enter a reason.");
  await userEvent.type(screen.getByLabelText("Why is this decision wrong?"), "It is a stage play.");
  await userEvent.click(screen.getByRole("button", { name: "Send appeal" }));
  expect(await screen.findByText("You appealed. A person will decide.")).toBeVisible();
  expect(reasons).toEqual(["It is a stage play."]);
  expect(screen.queryByRole("button", { name: "Appeal this decision…" })).not.toBeInTheDocument();
});

test("a reload finds requests in progress", async () => {
  server.use(
    http.get(`${API}/v1/requests`, () => {
      const { id, status, created_at, links } = requestView();
      return json<RequestList>({ requests: [{ id, status, created_at, links }] });
    }),
    http.get(`${API}/v1/requests/:id`, () => json(requestView())),
  );
  show();
  expect(await screen.findByRole("article", { name: /Request: A red fox/ })).toBeVisible();
});

test("a request made offline is sent once the connection is back", async () => {
  const sent = acceptRequests(requestView);
  show();
  await userEvent.type(await prompt(), "A red fox");
  onlineManager.setOnline(false);
  await userEvent.click(generateButton());
  expect(await screen.findByText("Waiting for a connection")).toBeVisible();
  expect(sent).toEqual([]);
  onlineManager.setOnline(true);
  expect(await screen.findByRole("article", { name: /Request: A red fox/ })).toBeVisible();
  expect(sent).toHaveLength(1);
});

test("a retry after a lost response uses the same idempotency key", async () => {
  const used: (string | null)[] = [];
  server.use(
    http.post(`${API}/v1/requests`, ({ request }) => {
      if (new URL(request.url).searchParams.has("dry_run")) return undefined;
      used.push(request.headers.get("idempotency-key"));
      return HttpResponse.error();
    }),
  );
  show();
  await userEvent.type(await prompt(), "A red fox");
  await userEvent.click(generateButton());
  expect(await screen.findByText("The service is not responding")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(used).toHaveLength(2));
  expect(used[0]).toBe(used[1]);
});

test("a rate limit says when to try again", async () => {
  server.use(
    http.post(`${API}/v1/requests`, ({ request }) =>
      new URL(request.url).searchParams.has("dry_run")
        ? undefined
        : problem(429, "rate_limited", undefined, { "retry-after": "300" }),
    ),
  );
  show();
  await userEvent.type(await prompt(), "A red fox");
  await userEvent.click(generateButton());
  expect(await screen.findByText(/Try again in 5 minutes/)).toBeVisible();
});
