import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, appealRequest, showAppeal } from "genai-images-client";
import { api, dataOf } from "./client";
import { keys } from "./queries";

const REFETCH_INTERVAL = 60_000;

/** The appeal of a request of your own, or null if it was not appealed. A pending one is read again until it is decided. */
export function useAppeal(id: string) {
  return useQuery({
    queryKey: keys.appeal(id),
    queryFn: async ({ signal }) => {
      try {
        return await dataOf(showAppeal({ client: api(), path: { request_id: id }, signal }));
      } catch (error) {
        if (error instanceof ApiError && error.code === "appeal_not_found") return null;
        throw error;
      }
    },
    refetchInterval: ({ state }) => (state.data?.status === "pending" ? REFETCH_INTERVAL : false),
  });
}

/** Appeal the rejection of a request, which is possible once. */
export function useAppealRequest(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (reason: string) =>
      dataOf(appealRequest({ client: api(), path: { request_id: id }, body: { reason } })),
    retry: false,
    onSettled: () => client.invalidateQueries({ queryKey: keys.appeal(id) }),
  });
}
