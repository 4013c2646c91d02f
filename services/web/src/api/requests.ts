import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { isOver } from "@/lib/words";
import { useSession } from "@/state/session";
import { api, ask, type Schemas } from "./client";
import { useLiveStatus } from "./live";
import { keys } from "./queries";

export type RequestView = Schemas["RequestView"];
export type RequestSummary = Schemas["RequestSummary"];

const PAGE = 12;

/** The newest requests, running ones among them: what a reload finds again. */
export function useRequests() {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.requests,
    queryFn: async ({ signal }) =>
      (await ask(api().GET("/v1/requests", { params: { query: { limit: PAGE } }, signal }))).requests,
    enabled: key !== null,
  });
}

/**
 * Milliseconds until a running request is read again. While the socket pushes, reading is only a safety net; without it,
 * reads follow each other quickly first and then ever more slowly.
 */
export function pollAfter(status: string | undefined, reads: number, pushed: boolean): number | false {
  if (status !== undefined && isOver(status)) return false;
  if (pushed) return 15_000;
  return Math.min(700 * 1.25 ** Math.max(0, reads - 4), status === "stalled" ? 30_000 : 6_000);
}

/** One request, kept up to date until it has ended. */
export function useRequest(id: string) {
  const pushed = useLiveStatus() === "open";
  return useQuery({
    queryKey: keys.request(id),
    queryFn: ({ signal }) =>
      ask(api().GET("/v1/requests/{request_id}", { params: { path: { request_id: id } }, signal })),
    refetchInterval: ({ state }) => pollAfter(state.data?.status, state.dataUpdateCount, pushed),
    refetchIntervalInBackground: true,
    staleTime: ({ state }) => (state.data && isOver(state.data.status) ? 5 * 60_000 : 0),
  });
}

/** One wish. Its key makes it the same wish however often it is sent: a lost answer or a lost connection draws nothing twice. */
export type Wish = { body: Schemas["NewRequest"]; idempotencyKey: string };

export const CREATE = ["create-request"];

/** Ask for pictures. Without a connection it waits and is sent when there is one again. */
export function useCreateRequest() {
  const client = useQueryClient();
  return useMutation({
    mutationKey: CREATE,
    mutationFn: ({ body, idempotencyKey }: Wish) =>
      ask(api().POST("/v1/requests", { body, params: { header: { "Idempotency-Key": idempotencyKey } } })) as Promise<
        Schemas["Accepted"]
      >,
    onSuccess: (accepted, { body }) => {
      client.setQueryData<RequestView>(keys.request(accepted.id), provisional(accepted, body), { updatedAt: 0 });
      const summary: RequestSummary = { ...accepted, created_at: new Date().toISOString() };
      client.setQueryData<RequestSummary[]>(keys.requests, (known) => [
        summary,
        ...(known ?? []).filter(({ id }) => id !== accepted.id),
      ]);
      void client.invalidateQueries({ queryKey: keys.requests });
    },
  });
}

/** What is known of a request before it was read for the first time. */
function provisional(accepted: Schemas["Accepted"], body: Schemas["NewRequest"]): RequestView {
  const [width = 1, height = 1] = (body.size ?? body.aspect_ratio ?? "1:1").split(/[x:]/).map(Number);
  return {
    id: accepted.id,
    status: accepted.status,
    created_at: new Date().toISOString(),
    request: { ...body, width, height },
    timeline: [],
    links: accepted.links,
  };
}

export function useCancelRequest(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => ask(api().POST("/v1/requests/{request_id}/cancel", { params: { path: { request_id: id } } })),
    onSuccess: (view) => client.setQueryData(keys.request(id), view),
    onError: () => client.invalidateQueries({ queryKey: keys.request(id) }),
  });
}

/** What a request with these settings would cost, and which models may draw it. The prompt's text does not matter to it. */
export function usePrice(
  settings: Omit<Schemas["NewRequest"], "prompt" | "negative_prompt" | "seed">,
  enabled: boolean,
) {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.price(settings),
    queryFn: async ({ signal }) =>
      (await ask(
        api().POST("/v1/requests", {
          body: { ...settings, prompt: "A picture" },
          params: { query: { dry_run: true } },
          signal,
        }),
      )) as Schemas["DryRun"],
    enabled: enabled && key !== null,
    staleTime: 60_000,
    retry: false,
  });
}
