import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  type AcceptedView,
  cancelRequest,
  createRequest,
  type DryRunView,
  deleteRequest,
  isTerminal,
  listRequests,
  type NewRequest,
  type RequestParameters,
  type RequestSummary,
  type RequestView,
  type Status,
  showRequest,
  submit,
} from "genai-images-client";
import { useSession } from "@/state/session";
import { api, dataOf } from "./client";
import { withConsent } from "./consent";
import { forgetDeleted } from "./deletions";
import { useLiveStatus } from "./liveUpdates";
import { honourGlobalPrivacyControl } from "./preferences";
import { keys } from "./queries";

const PAGE = 12;

/** The newest requests, including those in progress: a reload finds them again. */
export function useRequests() {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.requests,
    queryFn: async ({ signal }) =>
      (await dataOf(listRequests({ client: api(), query: { limit: PAGE }, signal }))).requests,
    enabled: key !== null,
  });
}

/**
 * Return the milliseconds until a request is read again, or false once its status is terminal. While changes are pushed,
 * polling is only a safety net; otherwise it starts fast and slows down.
 */
export function pollInterval(status: Status | undefined, reads: number, pushed: boolean): number | false {
  if (status !== undefined && isTerminal(status)) return false;
  if (pushed) return 15_000;
  return Math.min(700 * 1.25 ** Math.max(0, reads - 4), status === "stalled" ? 30_000 : 6_000);
}

/** One request, kept up to date until its status is terminal. */
export function useRequest(id: string) {
  const pushed = useLiveStatus() === "open";
  return useQuery({
    queryKey: keys.request(id),
    queryFn: ({ signal }) => dataOf(showRequest({ client: api(), path: { request_id: id }, signal })),
    refetchInterval: ({ state }) => pollInterval(state.data?.status, state.dataUpdateCount, pushed),
    refetchIntervalInBackground: true,
    staleTime: ({ state }) => (state.data && isTerminal(state.data.status) ? 5 * 60_000 : 0),
  });
}

/** A request to create. The idempotency key lets a retry after a lost response or connection generate nothing twice. */
export type Submission = { body: NewRequest; idempotencyKey: string };

export const CREATE_REQUEST = ["create-request"];

/** Create a request. While offline, the mutation is paused; it is sent when the connection is back. */
export function useCreateRequest() {
  const client = useQueryClient();
  return useMutation({
    mutationKey: CREATE_REQUEST,
    mutationFn: async ({ body, idempotencyKey }: Submission) => {
      await honourGlobalPrivacyControl(client);
      return withConsent(client, () => submit(api(), body, { idempotencyKey }));
    },
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

/** Build a view of a request that was accepted but not read yet. Its seed is unknown: it is shown only after a read. */
function provisionalView(accepted: AcceptedView, body: NewRequest): RequestView {
  const [width = 1, height = 1] = (body.size ?? body.aspect_ratio ?? "1:1").split(/[x:]/).map(Number);
  const { prompt, quality = "standard", count = 1, model } = body;
  const request: Omit<RequestParameters, "seed"> = {
    prompt,
    quality,
    count,
    models: model ? [model] : [],
    width,
    height,
  };
  return {
    id: accepted.id,
    status: accepted.status,
    created_at: new Date().toISOString(),
    request: request as RequestParameters,
    timeline: [],
    links: accepted.links,
  };
}

export function useCancelRequest(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => dataOf(cancelRequest({ client: api(), path: { request_id: id } })),
    onSuccess: (view) => client.setQueryData(keys.request(id), view),
    onError: () => client.invalidateQueries({ queryKey: keys.request(id) }),
  });
}

/** Delete a request permanently with its prompt and images, also from this browser. */
export function useDeleteRequest(id: string, onError: () => void) {
  const client = useQueryClient();
  return useMutation({
    // `keepalive` lets the request finish while the page is being closed.
    mutationFn: () => deleteRequest({ client: api(), path: { request_id: id }, keepalive: true }),
    onSuccess: () => forgetDeleted(client, id),
    onError, // an option of `mutate` would be ignored: the request's card is hidden by then
  });
}

/** The price of a request with these settings, and the models that may serve it. The prompt does not affect either. */
export function usePriceEstimate(settings: Omit<NewRequest, "prompt" | "negative_prompt" | "seed">, enabled: boolean) {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.price(settings),
    queryFn: async ({ signal }) =>
      (await dataOf(
        createRequest({
          client: api(),
          body: { ...settings, prompt: "An image" },
          query: { dry_run: true },
          signal,
        }),
      )) as DryRunView,
    enabled: enabled && key !== null,
    staleTime: 60_000,
    retry: false,
  });
}
