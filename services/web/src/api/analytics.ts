import { useQuery } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { api, ask, type Schemas } from "./client";
import { keys } from "./queries";

export type Numbers = Schemas["Numbers"];
export type DayNumbers = Schemas["DayNumbers"];

/** What was counted from one day (UTC) to another, both included. */
export function useDaily(from: string, to: string) {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.daily(from, to),
    queryFn: ({ signal }) => ask(api().GET("/v1/analytics/daily", { params: { query: { from, to } }, signal })),
    enabled: key !== null,
    placeholderData: (previous) => previous,
    refetchInterval: 60_000,
  });
}
