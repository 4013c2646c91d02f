import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { Toaster } from "@/components/Toaster";
import { ImageDetail } from "@/features/gallery/ImageDetail";
import { Gallery } from "@/features/gallery/Gallery";
import { useDraft } from "@/state/draft";
import { expectAccessible, renderAt } from "./render";
import { API, imageSummary, imageView, json, problem, REQUEST_ID, server } from "./server";

const show = (path = "/gallery") =>
  renderAt(path, [
    {
      path: "/gallery",
      element: (
        <>
          <Gallery />
          <Toaster />
        </>
      ),
      children: [{ path: ":imageId", element: <ImageDetail /> }],
    },
    { path: "/create", element: <p>The form</p> },
  ]);

/** A gallery of `number` pictures, three a page. */
function pictures(number: number) {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(`${API}/v1/images`, ({ request }) => {
      const search = new URL(request.url).searchParams;
      asked.push(search);
      const from = Number(search.get("cursor") ?? 0);
      const images = Array.from({ length: Math.min(3, number - from) }, (_, index) => imageSummary(from + index));
      return json<Schemas["ImagePage"]>({ images, ...(from + 3 < number && { next_cursor: String(from + 3) }) });
    }),
    http.get(`${API}/v1/images/:id`, ({ params }) => json(imageView(Number(String(params.id).split("-").at(-1))))),
  );
  return asked;
}

test("an empty gallery says how to begin", async () => {
  const { container } = show();
  expect(await screen.findByRole("link", { name: "Create the first" })).toBeVisible();
  await expectAccessible(container);
});

test("older pictures come page by page until there are no more", async () => {
  pictures(5);
  const { container } = show();
  const list = await screen.findByRole("list", { name: "Pictures" });
  expect(within(list).getAllByRole("link")).toHaveLength(3);
  await userEvent.click(screen.getByRole("button", { name: "Older pictures" }));
  await waitFor(() => expect(within(list).getAllByRole("link")).toHaveLength(5));
  expect(screen.queryByRole("button", { name: "Older pictures" })).not.toBeInTheDocument();
  await expectAccessible(container);
});

test("a filter is part of the address and of the question", async () => {
  const asked = pictures(3);
  show("/gallery?q=fox&favourite=true");
  await screen.findByRole("list", { name: "Pictures" });
  expect(asked.at(-1)?.get("q")).toBe("fox");
  await userEvent.selectOptions(screen.getByLabelText("Model"), "canvas");
  await waitFor(() => expect(asked.at(-1)?.get("model")).toBe("canvas"));
  expect(asked.at(-1)?.get("favourite")).toBe("true");
});

test("one stop for the tab key, and arrows from frame to frame", async () => {
  pictures(3);
  show();
  const list = await screen.findByRole("list", { name: "Pictures" });
  const links = within(list).getAllByRole("link");
  expect(links.map((link) => link.tabIndex)).toEqual([0, -1, -1]);
  links[0]?.focus();
  await userEvent.keyboard("{ArrowRight}");
  expect(links[1]).toHaveFocus();
  expect(links.map((link) => link.tabIndex)).toEqual([-1, 0, -1]);
});

test("a favourite shows at once, and is taken back where the API refuses", async () => {
  pictures(1);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.use(
    http.put(`${API}/v1/images/:id/favourite`, async () => {
      await held;
      return problem(500, "internal_error");
    }),
  );
  show();
  const heart = await screen.findByRole("button", { name: /Favourite: Picture number 0/ });
  await userEvent.click(heart);
  expect(heart).toHaveAttribute("aria-pressed", "true");
  release();
  await waitFor(() => expect(heart).toHaveAttribute("aria-pressed", "false"));
});

test("the detail shows everything that made a picture", async () => {
  pictures(2);
  const { container } = show(`/gallery/${REQUEST_ID}-1`);
  const dialog = await screen.findByRole("dialog");
  expect(await within(dialog).findByText("1344 × 768")).toBeVisible();
  expect(within(dialog).getByText("$0.04")).toBeVisible();
  expect(await within(dialog).findByText("Stable Image Core")).toBeVisible();
  await expectAccessible(container);
});

test("variations keep the settings and ask for new seeds", async () => {
  pictures(1);
  show(`/gallery/${REQUEST_ID}-0`);
  await screen.findByText("Stable Image Core", { selector: "dd" });
  await userEvent.click(screen.getByRole("button", { name: "Variations" }));
  expect(await screen.findByText("The form")).toBeVisible();
  expect(useDraft.getState().draft).toMatchObject({
    prompt: "Picture number 0",
    model: "stable-image-core",
    aspect_ratio: "16:9",
    seed: null,
    count: 4,
  });
});

test("a deleted picture is out of sight at once and can be fetched back before it is gone", async () => {
  pictures(2);
  const deleted: unknown[] = [];
  server.use(
    http.delete(`${API}/v1/images/:id`, ({ params }) => {
      deleted.push(params.id);
      return new HttpResponse(null, { status: 204 });
    }),
  );
  show(`/gallery/${REQUEST_ID}-0`);
  await userEvent.click(await screen.findByRole("button", { name: "Delete" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  const list = screen.getByRole("list", { name: "Pictures" });
  expect(within(list).getAllByRole("link")).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: "Undo" }));
  await waitFor(() => expect(within(list).getAllByRole("link")).toHaveLength(2));
  expect(deleted).toEqual([]);
});

test("a share link is told once, absolute", async () => {
  pictures(1);
  server.use(
    http.post(`${API}/v1/images/:id/shares`, async ({ request }) => {
      expect(await request.json()).toEqual({ expires_in_seconds: 604800 });
      return json<Schemas["CreatedShare"]>(
        {
          id: "8f14e45fceea167a",
          created_at: "2026-11-24T00:00:00Z",
          expires_at: "2026-12-01T00:00:00Z",
          links: { self: "/x" },
          url: "/v1/shares/token",
        },
        { status: 201 },
      );
    }),
  );
  show(`/gallery/${REQUEST_ID}-0`);
  await userEvent.click(await screen.findByRole("button", { name: "Make a link" }));
  expect(await screen.findByLabelText("The link")).toHaveValue(`${API}/v1/shares/token`);
});
