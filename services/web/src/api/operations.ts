import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  decideAppeal,
  listAppeals,
  listDeadLetters,
  type NewDecision,
  type NewReplay,
  replay,
  reviewAppeal,
  showAudit,
  showReadiness,
  showTrace,
  type Trace,
} from "genai-images-client";
import { useSession } from "@/state/session";
import { dataOf, operatorApi } from "./client";
import { keys } from "./queries";

export type TraceEvent = Trace["events"][number];

const REFETCH_INTERVAL = 15_000;

/** The key for the operators' routes. It is part of each cache key, so that one key never shows the data of another. */
function useOperationsKey(): string | null {
  return useSession((state) => state.operatorKey ?? state.key);
}

/** The state of dependencies and queues, and what needs an operator's attention. */
export function useReadiness() {
  const key = useOperationsKey();
  return useQuery({
    queryKey: [...keys.operations, "readiness", key],
    queryFn: ({ signal }) => dataOf(showReadiness({ client: operatorApi(), signal })),
    enabled: key !== null,
    refetchInterval: REFETCH_INTERVAL,
    retry: false,
  });
}

/** The results of the latest audits. */
export function useAudit() {
  const key = useOperationsKey();
  return useQuery({
    queryKey: [...keys.operations, "audit", key],
    queryFn: ({ signal }) => dataOf(showAudit({ client: operatorApi(), signal })),
    enabled: key !== null,
    retry: false,
  });
}

/** The trace of one request: its events, steps and attempts. */
export function useTrace(id: string | null) {
  const key = useOperationsKey();
  return useQuery({
    queryKey: [...keys.operations, "trace", id, key],
    queryFn: ({ signal }) => dataOf(showTrace({ client: operatorApi(), path: { request_id: id ?? "" }, signal })),
    enabled: key !== null && id !== null,
    retry: false,
  });
}

/** Dead letters, grouped by fingerprint. */
export function useDeadLetters() {
  const key = useOperationsKey();
  return useQuery({
    queryKey: [...keys.operations, "dead-letters", key],
    queryFn: ({ signal }) => dataOf(listDeadLetters({ client: operatorApi(), signal })),
    enabled: key !== null,
    refetchInterval: REFETCH_INTERVAL,
    retry: false,
  });
}

/** Replay dead letters. With `dry_run`, only report the outcome that a replay would have. */
export function useReplay() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: NewReplay) => dataOf(replay({ client: operatorApi(), body })),
    // A replay is an operator's decision: never retry it automatically.
    retry: false,
    onSettled: () => client.invalidateQueries({ queryKey: keys.operations }),
  });
}

/** The appeals that wait for a decision, oldest first. */
export function useAppeals() {
  const key = useOperationsKey();
  return useQuery({
    queryKey: [...keys.operations, "appeals", key],
    queryFn: async ({ signal }) => (await dataOf(listAppeals({ client: operatorApi(), signal }))).appeals,
    enabled: key !== null,
    refetchInterval: REFETCH_INTERVAL,
    retry: false,
  });
}

/** One appeal with its prompt. Each read is in the audit trail, so it is read once per dialog and not kept. */
export function useAppealReview(id: string) {
  const key = useOperationsKey();
  return useQuery({
    queryKey: ["appeal-review", id, key],
    queryFn: ({ signal }) => dataOf(reviewAppeal({ client: operatorApi(), path: { request_id: id }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
}

/** Decide an appeal. It cannot be undone, so it is never retried automatically. */
export function useDecideAppeal(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: NewDecision) => dataOf(decideAppeal({ client: operatorApi(), path: { request_id: id }, body })),
    retry: false,
    onSettled: () => client.invalidateQueries({ queryKey: keys.operations }),
  });
}
