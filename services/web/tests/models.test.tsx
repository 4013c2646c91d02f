import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ModelCard } from "genai-images-client";
import { http } from "msw";
import { expect, test } from "vitest";
import { Models } from "@/features/models/Models";
import { expectAccessible, renderAt } from "./render";
import { API, CORE, json, server } from "./server";

test("a card is read when it is opened, and says what checks the requests", async () => {
  let reads = 0;
  server.use(
    http.get(`${API}/v1/models/:key`, () => {
      reads += 1;
      return json<ModelCard>({
        ...CORE,
        provider: "Stability AI",
        terms_url: "https://example.com/terms",
        regions: ["us-west-2"],
        safety_layers: ["keywords", "claude", "model_filter"],
        known_limits: ["Hands are often wrong."],
        facts: [{ text: "AWS documents the parameters.", source: "https://example.com/source" }],
      });
    }),
  );
  const { container } = renderAt("/models", [{ path: "/models", element: <Models /> }]);
  const summary = await screen.findByText("Stable Image Core");
  expect(reads).toBe(0);
  await userEvent.click(summary);
  expect(await screen.findByText("Hands are often wrong.")).toBeVisible();
  expect(screen.getByText("keyword filter, language model (Claude), filter of the model itself")).toBeVisible();
  expect(screen.getByRole("link", { name: "licence or terms" })).toHaveAttribute("href", "https://example.com/terms");
  expect(screen.getByRole("link", { name: "Source" })).toHaveAttribute("href", "https://example.com/source");
  expect(reads).toBe(1);
  await expectAccessible(container);
});
