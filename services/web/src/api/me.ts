import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./queries";

/** Whose key this is. */
export function useMe(key: string | null) {
  return useQuery({
    queryKey: keys.me(key),
    queryFn: ({ signal }) => unwrap(api().GET("/v1/me", { headers: { "x-api-key": key }, signal })),
    enabled: key !== null,
    staleTime: 5 * 60_000,
  });
}
