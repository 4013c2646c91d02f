import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { api, ask, type Schemas } from "./client";
import { keys } from "./queries";

export type Readiness = Schemas["Readiness"];
export type Trace = Schemas["Trace"];
export type Happening = Schemas["Happening"];

const EVERY = 15_000;

/** The key that operators' routes are asked with; what was seen with one is not shown with another. */
function useKey(): string | null {
  return useSession((state) => state.operatorKey ?? state.key);
}

/** Dependencies, queues and what there is to look at. */
export function useReadiness() {
  const key = useKey();
  return useQuery({
    queryKey: [...keys.operations, "readiness", key],
    queryFn: ({ signal }) => ask(api().GET("/health/ready", { signal })),
    enabled: key !== null,
    refetchInterval: EVERY,
    retry: false,
  });
}

/** What the last audits found. */
export function useAudit() {
  const key = useKey();
  return useQuery({
    queryKey: [...keys.operations, "audit", key],
    queryFn: ({ signal }) => ask(api().GET("/v1/operations/audit", { signal })),
    enabled: key !== null,
    retry: false,
  });
}

/** Everything that followed from one request. */
export function useTrace(id: string | null) {
  const key = useKey();
  return useQuery({
    queryKey: [...keys.operations, "trace", id, key],
    queryFn: ({ signal }) =>
      ask(api().GET("/v1/operations/traces/{request_id}", { params: { path: { request_id: id ?? "" } }, signal })),
    enabled: key !== null && id !== null,
    retry: false,
  });
}

export type Group = Schemas["Group"];

/** What failed, grouped by how it failed. */
export function useDeadLetters() {
  const key = useKey();
  return useQuery({
    queryKey: [...keys.operations, "dead-letters", key],
    queryFn: ({ signal }) => ask(api().GET("/v1/operations/dead-letters", { signal })),
    enabled: key !== null,
    refetchInterval: EVERY,
    retry: false,
  });
}

/** Send letters that failed one way back to their steps, or, with `dry_run`, only say what would become of them. */
export function useReplay() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["NewReplay"]) => ask(api().POST("/v1/operations/replays", { body })),
    // A replay is an action of an operator's: it is never repeated by itself.
    retry: false,
    onSettled: () => client.invalidateQueries({ queryKey: keys.operations }),
  });
}
