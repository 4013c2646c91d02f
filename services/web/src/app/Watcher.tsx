import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useLocation, useNavigate } from "react-router";
import { api, ask } from "@/api/client";
import { startLive } from "@/api/live";
import { keys } from "@/api/queries";
import { type RequestView, useRequest, useRequests } from "@/api/requests";
import { isOver } from "@/lib/words";
import { useSession } from "@/state/session";
import { say } from "@/state/toasts";
import { notify } from "./notify";

/** Follows running requests wherever one is in the app, and tells when they have ended. Shows nothing itself. */
export function Watcher() {
  const signedIn = useSession((state) => state.key !== null);
  return signedIn ? <Watching /> : null;
}

function Watching() {
  useSocket();
  const requests = useRequests();
  return requests.data?.filter(({ status }) => !isOver(status)).map(({ id }) => <Watch key={id} id={id} />);
}

/** Listen to pushed changes. A change is only the news: what it says is read over HTTP, so a missed one costs nothing. */
function useSocket(): void {
  const client = useQueryClient();
  const key = useSession((state) => state.key);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another key is another owner, with a socket of their own
  useEffect(
    () =>
      startLive({
        address: async () => (await ask(api().POST("/v1/tickets"))).url,
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

function Watch({ id }: { id: string }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const { data } = useRequest(id);
  const told = useRef(false);
  useEffect(() => {
    if (!data || !isOver(data.status) || told.current) return;
    told.current = true;
    void client.invalidateQueries({ queryKey: keys.requests });
    if (data.status === "succeeded") void client.invalidateQueries({ queryKey: keys.images });
    const text = outcome(data);
    if (pathname !== "/create")
      say(text, { lasts: 8000, action: { label: "Look", run: () => void navigate("/create") } });
    void notify(text, data);
  }, [data, client, navigate, pathname]);
  return null;
}

function outcome(view: RequestView): string {
  const prompt = typeof view.request.prompt === "string" ? view.request.prompt : "your request";
  const short = prompt.length > 60 ? `${prompt.slice(0, 59)}…` : prompt;
  switch (view.status) {
    case "succeeded":
      return `Done: ${short}`;
    case "rejected":
      return `Not let through: ${short}`;
    case "cancelled":
      return `Taken back: ${short}`;
    default:
      return `No picture came of it: ${short}`;
  }
}
