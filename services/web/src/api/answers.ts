// Answers of the API that this tab keeps for offline reading, in its session storage: they end with the session.

import { dehydrate, hydrate, type Query, type QueryClient } from "@tanstack/react-query";
import { ApiError } from "genai-images-client";
import { useBrowserSettings } from "@/state/browserSettings";
import * as tabStorage from "@/state/tabStorage";
import { isRetriable } from "./errors";
import { firstPages, isPages } from "./pages";
import { keys } from "./queries";

const NAME = "answers";
/** Only what the pages show: no keys, share links or operators' data. */
const KEPT: ReadonlySet<unknown> = new Set(
  [keys.models, keys.preferences, keys.requests, keys.request(""), keys.images, keys.image("")].map(([kind]) => kind),
);

/** Restore the answers of the last page, and store those of this page when it is left or hidden. */
export function keepAnswers(client: QueryClient): void {
  const stored = tabStorage.read(NAME);
  if (stored !== null) {
    hydrate(client, JSON.parse(stored));
    void client.invalidateQueries({ refetchType: "none" }); // Pages show them, and read them anew.
  }
  window.addEventListener("pagehide", () => storeAnswers(client));
  document.addEventListener("visibilitychange", () => document.hidden && storeAnswers(client));
  useBrowserSettings.subscribe(() => storeAnswers(client));
}

/** Replace the stored answers with the current ones, or delete them if offline reading is off. */
export function storeAnswers(client: QueryClient): void {
  const kept = ({ state: { data, error }, queryKey }: Query) =>
    KEPT.has(queryKey[0]) && data !== undefined && (!(error instanceof ApiError) || isRetriable(error));
  const shortened = (data: unknown) => (isPages(data) ? firstPages(data) : data);
  const stored =
    useBrowserSettings.getState().offlineReading &&
    tabStorage.write(
      NAME,
      JSON.stringify(
        dehydrate(client, {
          shouldDehydrateQuery: kept,
          shouldDehydrateMutation: () => false,
          serializeData: shortened,
        }),
      ),
    );
  if (!stored) tabStorage.remove(NAME);
}
