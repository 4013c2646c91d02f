import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { isTerminal } from "@/lib/labels";
import { useSession } from "@/state/session";
import { api, type Schemas, unwrap } from "./client";
import { useLiveStatus } from "./liveUpdates";
import { keys } from "./queries";

type Parameters = Schemas["RequestParameters"];
/** The parameters of a request, as far as they are known: its seed and models are not before it was read. */
export type KnownParameters = Pick<Parameters, "prompt" | "quality" | "count"> & {
  [Name in keyof Parameters]?: Parameters[Name] | null;
};
export type RequestView = Omit<Schemas["RequestView"], "request"> & { request: KnownParameters };
export type RequestSummary = Schemas["RequestSummary"];

const PAGE = 12;

/** The newest requests, including those in progress: a reload finds them again. */
export function useRequests() {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.requests,
    queryFn: async ({ signal }) =>
      (await unwrap(api().GET("/v1/requests", { params: { query: { limit: PAGE } }, signal }))).requests,
    enabled: key !== null,
  });
}

/**
 * Return the milliseconds until a request is read again, or false once its status is terminal. While changes are pushed,
 * polling is only a safety net; otherwise it starts fast and slows down.
 */
export function pollInterval(status: string | undefined, reads: number, pushed: boolean): number | false {
  if (status !== undefined && isTerminal(status)) return false;
  if (pushed) return 15_000;
  return Math.min(700 * 1.25 ** Math.max(0, reads - 4), status === "stalled" ? 30_000 : 6_000);
}

/** One request, kept up to date until its status is terminal. */
export function useRequest(id: string) {
  const pushed = useLiveStatus() === "open";
  return useQuery({
    queryKey: keys.request(id),
    queryFn: ({ signal }) =>
      unwrap(api().GET("/v1/requests/{request_id}", { params: { path: { request_id: id } }, signal })),
    refetchInterval: ({ state }) => pollInterval(state.data?.status, state.dataUpdateCount, pushed),
    refetchIntervalInBackground: true,
    staleTime: ({ state }) => (state.data && isTerminal(state.data.status) ? 5 * 60_000 : 0),
  });
}

/** A request to create. The idempotency key lets a retry after a lost response or connection generate nothing twice. */
export type Submission = { body: Schemas["NewRequest"]; idempotencyKey: string };

export const CREATE_REQUEST = ["create-request"];

/** Create a request. While offline, the mutation is paused; it is sent when the connection is back. */
export function useCreateRequest() {
  const client = useQueryClient();
  return useMutation({
    mutationKey: CREATE_REQUEST,
    mutationFn: ({ body, idempotencyKey }: Submission) =>
      unwrap(
        api().POST("/v1/requests", { body, params: { header: { "Idempotency-Key": idempotencyKey } } }),
      ) as Promise<Schemas["AcceptedView"]>,
    onSuccess: (accepted, { body }) => {
      client.setQueryData<RequestView>(keys.request(accepted.id), provisionalView(accepted, body), { updatedAt: 0 });
      const summary: RequestSummary = { ...accepted, created_at: new Date().toISOString() };
      client.setQueryData<RequestSummary[]>(keys.requests, (known) => [
        summary,
        ...(known ?? []).filter(({ id }) => id !== accepted.id),
      ]);
      void client.invalidateQueries({ queryKey: keys.requests });
    },
  });
}

/** Build a view of a request that was accepted but not read yet. */
function provisionalView(accepted: Schemas["AcceptedView"], body: Schemas["NewRequest"]): RequestView {
  const [width = 1, height = 1] = (body.size ?? body.aspect_ratio ?? "1:1").split(/[x:]/).map(Number);
  return {
    id: accepted.id,
    status: accepted.status,
    created_at: new Date().toISOString(),
    request: { quality: "standard", count: 1, ...body, models: body.model ? [body.model] : [], width, height },
    timeline: [],
    links: accepted.links,
  };
}

export function useCancelRequest(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api().POST("/v1/requests/{request_id}/cancel", { params: { path: { request_id: id } } })),
    onSuccess: (view) => client.setQueryData(keys.request(id), view),
    onError: () => client.invalidateQueries({ queryKey: keys.request(id) }),
  });
}

/** The price of a request with these settings, and the models that may serve it. The prompt does not affect either. */
export function usePriceEstimate(
  settings: Omit<Schemas["NewRequest"], "prompt" | "negative_prompt" | "seed">,
  enabled: boolean,
) {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.price(settings),
    queryFn: async ({ signal }) =>
      (await unwrap(
        api().POST("/v1/requests", {
          body: { ...settings, prompt: "An image" },
          params: { query: { dry_run: true } },
          signal,
        }),
      )) as Schemas["DryRunView"],
    enabled: enabled && key !== null,
    staleTime: 60_000,
    retry: false,
  });
}
