import type { InfiniteData } from "@tanstack/react-query";
import type { ImagePage } from "genai-images-client";

/** A list of images, as far as someone has scrolled. */
export type Pages = InfiniteData<ImagePage, string | null>;

/** Pages of a list that nobody looks at. The next visit reads all of them anew, and the tab's storage has to hold them. */
const KEPT_PAGES = 3;

/** Return the beginning of a list. */
export function firstPages({ pages, pageParams }: Pages): Pages {
  return { pages: pages.slice(0, KEPT_PAGES), pageParams: pageParams.slice(0, KEPT_PAGES) };
}

export function isPages(data: unknown): data is Pages {
  return typeof data === "object" && data !== null && "pageParams" in data;
}
