import { useQuery } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { api, type Schemas, unwrap } from "./client";
import { keys } from "./queries";

export type Numbers = Schemas["Numbers"];
export type DayNumbers = Schemas["DayNumbers"];

/** Statistics per day (UTC), from one day to another, both included. */
export function useDaily(from: string, to: string) {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.daily(from, to),
    queryFn: ({ signal }) => unwrap(api().GET("/v1/analytics/daily", { params: { query: { from, to } }, signal })),
    enabled: key !== null,
    placeholderData: (previous) => previous,
    refetchInterval: 60_000,
  });
}
