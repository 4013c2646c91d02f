import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { AcceptedView, ConsentView, NewConsent } from "genai-images-client";
import { HttpResponse, http } from "msw";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConsentRequest } from "@/app/ConsentRequest";
import { Generator } from "@/features/generator/Generator";
import { Settings } from "@/features/settings/Settings";
import { useConsentQuestion } from "@/state/consent";
import { expectAccessible, renderAt } from "./render";
import { API, json, problem, REQUEST_ID, server } from "./server";

const OLD = { terms: "2026-01-31", privacy_notice: "2026-01-31" };
const GIVEN = { given_at: "2026-02-01T10:00:00Z", key_id: "k" };
const TITLE = "Terms and privacy notice";

/** An API that requires consent, with what it stores and receives. */
type ConsentApi = {
  current: NewConsent;
  view: Partial<ConsentView>;
  required: boolean;
  calls: string[];
  keys: string[];
};
let consents: ConsentApi;

const isValid = () =>
  !consents.view.withdrawn_at &&
  consents.view.terms === consents.current.terms &&
  consents.view.privacy_notice === consents.current.privacy_notice;

const consentView = (): ConsentView => ({
  required: consents.required,
  valid: isValid(),
  current_terms: consents.current.terms,
  current_privacy_notice: consents.current.privacy_notice,
  ...consents.view,
});

beforeEach(() => {
  consents = {
    current: { terms: "2026-11-28", privacy_notice: "2026-11-29" },
    view: {},
    required: true,
    calls: [],
    keys: [],
  };
  server.use(
    http.get(`${API}/v1/me`, () => json({ owner: "ada" })),
    http.get(`${API}/v1/consent`, () => json(consentView())),
    http.put(`${API}/v1/consent`, async ({ request }) => {
      const body = (await request.json()) as NewConsent;
      consents.calls.push(`agree ${body.terms} ${body.privacy_notice}`);
      if (body.terms !== consents.current.terms)
        return problem(422, "invalid_request", [{ field: "terms", rule: "must be the current version" }]);
      consents.view = { ...body, ...GIVEN };
      return json(consentView());
    }),
    http.delete(`${API}/v1/consent`, () => {
      consents.calls.push("withdraw");
      consents.view = { ...consents.view, withdrawn_at: "2026-11-29T12:00:00Z" };
      return new HttpResponse(null, { status: 204 });
    }),
    http.post(`${API}/v1/requests`, ({ request }) => {
      if (new URL(request.url).searchParams.has("dry_run")) return problem(403, "consent_required");
      consents.keys.push(request.headers.get("idempotency-key") ?? "");
      consents.calls.push(isValid() ? "accepted" : "refused");
      if (!isValid()) return problem(403, "consent_required");
      const accepted = { id: REQUEST_ID, status: "accepted" as const, links: { self: `/v1/requests/${REQUEST_ID}` } };
      return json<AcceptedView>(accepted, { status: 202 });
    }),
  );
});

afterEach(() => useConsentQuestion.getState().answer?.(false));

const show = () =>
  renderAt("/create", [
    {
      path: "/create",
      element: (
        <>
          <Generator />
          <ConsentRequest />
        </>
      ),
    },
  ]);

async function generate(): Promise<HTMLElement> {
  await userEvent.type(await screen.findByLabelText("Prompt"), "A red fox");
  await userEvent.click(screen.getByRole("button", { name: /^Generate/ }));
  return screen.findByRole("dialog", { name: TITLE });
}

const settings = () => renderAt("/", [{ path: "/", Component: Settings }]);

test("agreeing records the shown versions and repeats the request once", async () => {
  const { container } = show();
  const dialog = await generate();
  expect(within(dialog).getByRole("link", { name: /Terms of use/ })).toHaveAttribute("href", "/reference/terms");
  expect(within(dialog).getByRole("link", { name: /Privacy notice/ })).toHaveAttribute("target", "_blank");
  expect(dialog).toHaveTextContent(/Version of .*28.*Version of .*29/);
  await expectAccessible(container);
  await userEvent.click(screen.getByRole("button", { name: "Agree and continue" }));

  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  await waitFor(() => expect(consents.calls).toEqual(["refused", "agree 2026-11-28 2026-11-29", "accepted"]));
  expect(new Set(consents.keys).size, "one idempotency key").toBe(1);
});

test.each(["Not now", "Escape"])("%s sends nothing more and keeps the draft", async (how) => {
  show();
  const dialog = await generate();
  if (how === "Escape") dialog.dispatchEvent(new Event("cancel", { cancelable: true }));
  else await userEvent.click(within(dialog).getByRole("button", { name: how }));

  const card = await screen.findByRole("article", { name: "Sending: A red fox" });
  expect(await within(card).findByText("Your consent is required")).toBeVisible();
  expect(screen.getByLabelText("Prompt")).toHaveValue("A red fox");
  expect(consents.calls).toEqual(["refused"]);
  await userEvent.click(within(card).getByRole("button", { name: "Read and agree" }));
  expect(await screen.findByRole("dialog", { name: TITLE })).toBeVisible();
});

test("a request that is refused after the consent is not repeated again", async () => {
  show();
  const dialog = await generate();
  server.use(http.put(`${API}/v1/consent`, () => json({ ...consentView(), valid: true })));
  await userEvent.click(within(dialog).getByRole("button", { name: "Agree and continue" }));

  expect(await screen.findByText("Your consent is required")).toBeVisible();
  expect(consents.calls).toEqual(["refused", "refused"]);
  expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
});

test("a newer version asks again, and says to what the owner agreed", async () => {
  consents.view = { ...OLD, ...GIVEN };
  show();
  const dialog = await generate();
  expect(dialog).toHaveTextContent(/New versions were published after you agreed on .*2026/);
  expect(within(dialog).getAllByText(/You agreed to that of .*31.*2026/)).toHaveLength(2);
});

test("a version that is published meanwhile is shown before anything is agreed", async () => {
  show();
  const dialog = await generate();
  consents.current = { terms: "2026-12-24", privacy_notice: "2026-11-29" };
  await userEvent.click(within(dialog).getByRole("button", { name: "Agree and continue" }));
  expect(await screen.findByText("A newer version was published")).toBeVisible();
  expect(await within(dialog).findByText(/Version of .*24/)).toBeVisible();
  await userEvent.click(within(dialog).getByRole("button", { name: "Agree and continue" }));

  await waitFor(() => expect(consents.calls.at(-1)).toBe("accepted"));
  expect(consents.calls.filter((call) => call.startsWith("agree"))).toEqual([
    "agree 2026-11-28 2026-11-29",
    "agree 2026-12-24 2026-11-29",
  ]);
});

test("the settings show the consent, withdraw it and ask for it", async () => {
  consents.view = { ...consents.current, ...GIVEN };
  const { container } = settings();
  expect(await screen.findByText(/you agreed to the terms of .*28.* and the privacy notice of .*29/)).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Withdraw consent" }));
  const dialog = screen.getByRole("dialog", { name: "Withdraw your consent?" });
  expect(dialog).toHaveTextContent(/new requests are refused, for every key/);
  await expectAccessible(container);
  await userEvent.click(within(dialog).getByRole("button", { name: "Keep my consent" }));
  expect(consents.calls).toEqual([]);
  await userEvent.click(screen.getByRole("button", { name: "Withdraw consent" }));
  await userEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Withdraw consent" }));

  expect(await screen.findByText(/You withdrew your consent on .*2026.* new requests are refused/)).toBeVisible();
  expect(consents.calls).toEqual(["withdraw"]);
  await userEvent.click(screen.getByRole("button", { name: "Read and agree" }));
  await userEvent.click(screen.getByRole("button", { name: "Agree" }));
  expect(await screen.findByRole("button", { name: "Withdraw consent" })).toBeVisible();
});

test.each([
  [false, {}, /You have not agreed .* does not require it/, []],
  [true, {}, /You have not agreed .* Until you agree, new requests are refused/, ["Read and agree"]],
  [true, { ...OLD, ...GIVEN }, /There are new versions/, ["Withdraw consent", "Read and agree"]],
  [false, { ...OLD, ...GIVEN, withdrawn_at: GIVEN.given_at }, /You withdrew your consent on/, []],
])(
  "if consent is required: %s, and there is %o, the settings offer what helps",
  async (required, view, text, offered) => {
    consents.required = required;
    consents.view = view;
    settings();
    expect(await screen.findByText(text)).toBeVisible();
    const buttons = screen.queryAllByRole("button", { name: /consent|agree/ }).map(({ textContent }) => textContent);
    expect(buttons).toEqual(offered);
  },
);
