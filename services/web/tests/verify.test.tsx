import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { VerificationView } from "genai-images-client";
import { http } from "msw";
import { expect, test } from "vitest";
import { Verify } from "@/features/verify/Verify";
import { expectAccessible, renderAt } from "./render";
import { API, json, problem, server } from "./server";

const FOX = new File(["pixels"], "fox.png", { type: "image/png" });

/** Choose a file, and return the page. */
async function choose(file: File): Promise<HTMLElement> {
  const { container } = renderAt("/", [{ path: "/", Component: Verify }]);
  await userEvent.upload(await screen.findByLabelText("Image file"), file, { applyAccept: false });
  return container;
}

function answer(found: VerificationView): Request[] {
  const sent: Request[] = [];
  server.use(
    http.post(`${API}/v1/verifications`, ({ request }) => {
      sent.push(request.clone());
      return json(found);
    }),
  );
  return sent;
}

test("a file that we signed names the model, and the file itself is sent without a key", async () => {
  const sent = answer({
    status: "signed_by_us",
    signer: "GenAI Image Generator",
    ai_generated: true,
    model: "nova-canvas",
    generated_at: "2026-11-22T09:30:05Z",
  });
  const page = await choose(FOX);

  expect(await screen.findByText("fox.png: signed by us, unchanged")).toBeVisible();
  expect(screen.getByText(/by the model nova-canvas/)).toBeVisible();
  expect(sent.map(({ headers }) => [headers.get("content-type"), headers.get("x-api-key")])).toEqual([
    ["application/octet-stream", null],
  ]);
  await expectAccessible(page);
});

test.each([
  [{ status: "signed_by_another", signer: "Camera", ai_generated: false }, "signed by somebody else", /“Camera”/],
  [{ status: "signed_by_another", ai_generated: true }, "signed by somebody else", /states that the image/],
  [{ status: "altered" }, "altered", /Do not trust/],
  [{ status: "expired" }, "certificate expired", /no longer valid/],
  [{ status: "unsigned" }, "no credentials", /removed its credentials/],
] as const)("every result has its explanation: %o", async (found, title, text) => {
  answer(found);
  const page = await choose(FOX);

  expect(await screen.findByText(new RegExp(`^fox.png: ${title}`))).toBeVisible();
  expect(screen.getByText(text)).toBeVisible();
  await expectAccessible(page);
});

test("a file that the API does not accept is not sent", async () => {
  const sent = answer({ status: "unsigned" });
  await choose(new File(["x"], "notes.pdf", { type: "application/pdf" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("Choose a PNG, JPEG or WebP file.");

  await userEvent.upload(
    screen.getByLabelText("Image file"),
    new File([new Uint8Array(4 * 1024 * 1024 + 1)], "large.png", { type: "image/png" }),
  );
  expect(await screen.findByRole("alert")).toHaveTextContent("at most 4");
  expect(sent).toEqual([]);
});

test("a damaged file names the rule", async () => {
  const errors = [{ field: "body", rule: "must be a complete image file" }];
  server.use(http.post(`${API}/v1/verifications`, () => problem(422, "validation_failed", errors)));
  await choose(FOX);

  expect(await screen.findByRole("alert")).toHaveTextContent("body: must be a complete image file");
});
