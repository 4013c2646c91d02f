import type { QueryClient } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { forgetWhatWasSeen } from "./offline";

/** What belongs to a key goes with it: the cache in memory, and what the service worker kept. */
export function startSession(client: QueryClient): void {
  if (useSession.getState().key === null) void forgetWhatWasSeen();
  useSession.subscribe(({ key }, { key: before }) => {
    if (key === before) return;
    client.clear();
    if (before !== null) void forgetWhatWasSeen();
  });
}
