import { useQueryClient } from "@tanstack/react-query";
import { createTicket, isTerminal } from "genai-images-client";
import { useEffect, useRef } from "react";
import { useLocation, useNavigate } from "react-router";
import { api, dataOf } from "@/api/client";
import { startLiveUpdates } from "@/api/liveUpdates";
import { keys } from "@/api/queries";
import { useRequest, useRequests } from "@/api/requests";
import { useSession } from "@/state/session";
import { showToast } from "@/state/toasts";
import { notify } from "./notify";
import { outcomeMessage } from "./outcomeMessage";

/** Follows requests in progress on every page and notifies the owner once they finish. Renders nothing. */
export function RequestWatcher() {
  const signedIn = useSession((state) => state.key !== null);
  return signedIn ? <ActiveRequests /> : null;
}

function ActiveRequests() {
  useLiveUpdates();
  const requests = useRequests();
  return requests.data?.filter(({ status }) => !isTerminal(status)).map(({ id }) => <ActiveRequest key={id} id={id} />);
}

/** Refetch what a pushed change names. The data always comes from the API, so a missed push loses nothing. */
function useLiveUpdates(): void {
  const client = useQueryClient();
  const key = useSession((state) => state.key);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new key belongs to another owner and needs a new socket
  useEffect(
    () =>
      startLiveUpdates({
        fetchUrl: async () => (await dataOf(createTicket({ client: api() }))).url,
        onChange: ({ requestId }) => {
          void client.invalidateQueries({ queryKey: keys.request(requestId) });
          const known = client.getQueryData<{ id: string }[]>(keys.requests);
          if (!known?.some(({ id }) => id === requestId)) void client.invalidateQueries({ queryKey: keys.requests });
        },
        onGap: (requestId) => {
          if (requestId !== null) void client.invalidateQueries({ queryKey: keys.request(requestId) });
          else void client.invalidateQueries({ queryKey: keys.requests });
        },
      }),
    [client, key],
  );
}

function ActiveRequest({ id }: { id: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const { data } = useRequest(id);
  const notified = useRef(false);
  useEffect(() => {
    if (!data || !isTerminal(data.status) || notified.current) return;
    notified.current = true;
    void client.invalidateQueries({ queryKey: keys.requests });
    if (data.status === "succeeded") void client.invalidateQueries({ queryKey: keys.images });
    const text = outcomeMessage(data);
    if (pathname !== "/create")
      showToast(text, { durationMs: 8000, action: { label: "View", run: () => void navigate("/create") } });
    void notify(data);
  }, [data, client, navigate, pathname]);
  return null;
}
