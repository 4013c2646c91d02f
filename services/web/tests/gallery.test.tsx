import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { CreatedShare, ImagePage } from "genai-images-client";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { Toaster } from "@/components/Toaster";
import { Gallery } from "@/features/gallery/Gallery";
import { ImageDetail } from "@/features/gallery/ImageDetail";
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

/** Serve a gallery of `number` images, three per page. Returns the queries received. */
function serveImages(number: number) {
  const queries: URLSearchParams[] = [];
  server.use(
    http.get(`${API}/v1/images`, ({ request }) => {
      const search = new URL(request.url).searchParams;
      queries.push(search);
      const from = Number(search.get("cursor") ?? 0);
      const images = Array.from({ length: Math.min(3, number - from) }, (_, index) => imageSummary(from + index));
      return json<ImagePage>({ images, ...(from + 3 < number && { next_cursor: String(from + 3) }) });
    }),
    http.get(`${API}/v1/images/:id`, ({ params }) => json(imageView(Number(String(params.id).split("-").at(-1))))),
  );
  return queries;
}

test("an empty gallery explains how to start", async () => {
  const { container } = show();
  expect(await screen.findByRole("link", { name: "Create your first image" })).toBeVisible();
  await expectAccessible(container);
});

test("an image whose link has expired loads with a new one, and a file that is gone is not asked for again", async () => {
  let reads = 0;
  server.use(
    http.get(`${API}/v1/images`, () => {
      reads += 1;
      const image = imageSummary(0);
      const signed = (url: string) => `${url.split("?", 1)[0]}?Signature=${reads}`;
      const urls = { display_url: signed(image.display_url), thumbnail_url: signed(image.thumbnail_url) };
      return json<ImagePage>({ images: [{ ...image, ...urls }] });
    }),
  );
  show();
  const first = await screen.findByRole("img");
  expect(first).toHaveAttribute("src", expect.stringContaining("Signature=1"));
  fireEvent.error(first);
  await waitFor(() => expect(screen.getByRole("img")).toHaveAttribute("src", expect.stringContaining("Signature=2")));
  expect(screen.queryByText(/^Could not load/)).not.toBeInTheDocument();
  fireEvent.error(screen.getByRole("img"));
  expect(screen.getByText(/^Could not load/)).toBeVisible();
  await new Promise((done) => setTimeout(done));
  expect(reads).toBe(2);
});

test("the browser chooses a width, and the stored files are the fallback", async () => {
  const sized_url = "http://images.test/0?w={width}&signature=1";
  server.use(http.get(`${API}/v1/images`, () => json<ImagePage>({ images: [imageSummary(0, { sized_url })] })));
  show();
  const image = await screen.findByRole("img");
  const candidates = ["320 320", "640 640", "960 960", "1280 1280", "1920 1344"].map((each) => each.split(" "));
  const expected = candidates.map(([width, pixels]) => `http://images.test/0?w=${width}&signature=1 ${pixels}w`);
  expect(image).toHaveAttribute("srcset", expected.join(", "));
  expect(image).toHaveAttribute("sizes");
  fireEvent.error(image);
  await waitFor(() =>
    expect(screen.getByRole("img")).toHaveAttribute("srcset", expect.stringContaining("thumbnail.webp")),
  );
  expect(screen.getByRole("img")).toHaveAttribute("src", expect.stringContaining("display.webp"));
  expect(screen.queryByText(/^Could not load/)).not.toBeInTheDocument();
});

test("older images load page by page until there are no more", async () => {
  serveImages(5);
  const { container } = show();
  const list = await screen.findByRole("list", { name: "Images" });
  expect(within(list).getAllByRole("link")).toHaveLength(3);
  await userEvent.click(screen.getByRole("button", { name: "Load more images" }));
  await waitFor(() => expect(within(list).getAllByRole("link")).toHaveLength(5));
  expect(screen.queryByRole("button", { name: "Load more images" })).not.toBeInTheDocument();
  await expectAccessible(container);
});

test("a filter is part of the URL and of the API query", async () => {
  const queries = serveImages(3);
  show("/gallery?q=fox&favourite=true");
  await screen.findByRole("list", { name: "Images" });
  expect(queries.at(-1)?.get("q")).toBe("fox");
  await userEvent.selectOptions(screen.getByLabelText("Model"), "canvas");
  await waitFor(() => expect(queries.at(-1)?.get("model")).toBe("canvas"));
  expect(queries.at(-1)?.get("favourite")).toBe("true");
});

test("the grid is one tab stop, and arrow keys move between images", async () => {
  serveImages(3);
  show();
  const list = await screen.findByRole("list", { name: "Images" });
  const links = within(list).getAllByRole("link");
  expect(links.map((link) => link.tabIndex)).toEqual([0, -1, -1]);
  links[0]?.focus();
  await userEvent.keyboard("{ArrowRight}");
  expect(links[1]).toHaveFocus();
  expect(links.map((link) => link.tabIndex)).toEqual([-1, 0, -1]);
});

test("a favourite shows immediately and is rolled back if the API rejects it", async () => {
  serveImages(1);
  let release: () => void = () => undefined;
  const blocked = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.use(
    http.put(`${API}/v1/images/:id/favourite`, async () => {
      await blocked;
      return problem(500, "internal_error");
    }),
  );
  show();
  const heart = await screen.findByRole("button", { name: /Favourite: Image number 0/ });
  await userEvent.click(heart);
  expect(heart).toHaveAttribute("aria-pressed", "true");
  release();
  await waitFor(() => expect(heart).toHaveAttribute("aria-pressed", "false"));
});

test("the detail view shows the settings of an image", async () => {
  serveImages(2);
  const { container } = show(`/gallery/${REQUEST_ID}-1`);
  const dialog = await screen.findByRole("dialog");
  expect(await within(dialog).findByText("1344 × 768")).toBeVisible();
  expect(within(dialog).getByText("$0.04")).toBeVisible();
  expect(await within(dialog).findByText("Stable Image Core")).toBeVisible();
  await expectAccessible(container);
});

test("variations keep the settings and use new seeds", async () => {
  serveImages(1);
  show(`/gallery/${REQUEST_ID}-0`);
  await screen.findByText("Stable Image Core", { selector: "dd" });
  await userEvent.click(screen.getByRole("button", { name: "Create variations" }));
  expect(await screen.findByText("The form")).toBeVisible();
  expect(useDraft.getState().draft).toMatchObject({
    prompt: "Image number 0",
    model: "stable-image-core",
    aspect_ratio: "16:9",
    seed: null,
    count: 4,
  });
});

test("a deleted image is hidden immediately and can be restored", async () => {
  serveImages(2);
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
  const list = screen.getByRole("list", { name: "Images" });
  expect(within(list).getAllByRole("link")).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: "Undo" }));
  await waitFor(() => expect(within(list).getAllByRole("link")).toHaveLength(2));
  expect(deleted).toEqual([]);
});

test("a new share link is shown once, as an absolute URL", async () => {
  serveImages(1);
  server.use(
    http.post(`${API}/v1/images/:id/shares`, async ({ request }) => {
      expect(await request.json()).toEqual({ expires_in_seconds: 604800 });
      return json<CreatedShare>(
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
  await userEvent.click(await screen.findByRole("button", { name: "Create link" }));
  expect(await screen.findByLabelText("Share link")).toHaveValue(`${API}/v1/shares/token`);
});
