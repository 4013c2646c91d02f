// Deleting an image or a request removes it from everything that this browser keeps, in every tab of the same key.

import type { QueryClient } from "@tanstack/react-query";
import { ApiError, type RequestSummary, type RequestView } from "genai-images-client";
import { deleteCachedFiles } from "@/lib/imageCache";
import { notifyDeletion, onDeletion, useSession } from "@/state/session";
import { storeAnswers } from "./answers";
import type { Pages } from "./pages";
import { keys } from "./queries";

/** Forget an image (`<request id>-<index>`), or a request with its images, that was deleted on the server. */
export async function forgetDeleted(client: QueryClient, id: string): Promise<void> {
  await forget(client, id);
  notifyDeletion(id);
}

/** Forget what other tabs delete, and what the API does not find any more. */
export function followDeletions(client: QueryClient): void {
  onDeletion((id) => void forget(client, id));
  client.getQueryCache().subscribe((event) => {
    if (event.type !== "updated" || event.action.type !== "error") return;
    const { error } = event.action;
    const [kind, id] = event.query.queryKey;
    if (kind !== keys.image("")[0] && kind !== keys.request("")[0]) return;
    if (!(error instanceof ApiError) || error.status !== 404) return;
    event.query.setState({ data: undefined });
    void forgetCopies(client, String(id));
  });
}

async function forget(client: QueryClient, id: string): Promise<void> {
  for (const [kind] of [keys.image(""), keys.shares(""), keys.request("")])
    void client.resetQueries({ predicate: ({ queryKey }) => queryKey[0] === kind && isOf(String(queryKey[1]), id) });
  await forgetCopies(client, id);
}

/** Forget what other answers and the service worker contain of it. */
async function forgetCopies(client: QueryClient, id: string): Promise<void> {
  client.setQueriesData<Pages>(
    { queryKey: keys.images },
    (pages) =>
      pages && {
        ...pages,
        pages: pages.pages.map((page) => ({ ...page, images: page.images.filter((image) => !isOf(image.id, id)) })),
      },
  );
  client.setQueryData<RequestSummary[]>(keys.requests, (requests) => requests?.filter((request) => request.id !== id));
  client.setQueriesData<RequestView>(
    { predicate: ({ queryKey, state }) => queryKey[0] === keys.request("")[0] && hasImageOf(state.data, id) },
    (view) => view && { ...view, images: view.images?.filter((image) => !isOf(image.id, id)) ?? [] },
  );
  storeAnswers(client);
  await deleteCachedFiles(useSession.getState().imageCache, id);
}

function hasImageOf(view: unknown, id: string): boolean {
  return (view as RequestView | undefined)?.images?.some((image) => isOf(image.id, id)) ?? false;
}

/** Return whether an id is the deleted one, or that of an image of the deleted request. */
function isOf(id: string, deleted: string): boolean {
  return id === deleted || id.startsWith(`${deleted}-`);
}
