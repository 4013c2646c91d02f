import type { QueryClient } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { clearOfflineCaches } from "./serviceWorker";

/** Clear the in-memory and offline caches whenever the API key changes: both hold one owner's data. */
export function clearDataOnKeyChange(client: QueryClient): void {
  if (useSession.getState().key === null) void clearOfflineCaches();
  useSession.subscribe(({ key }, { key: before }) => {
    if (key === before) return;
    client.clear();
    if (before !== null) void clearOfflineCaches();
  });
}
