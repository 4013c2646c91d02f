import { useQuery } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { api, ask, type Schemas } from "./client";
import { keys } from "./queries";

export type Model = Schemas["ModelView"];

/** All models, those that may be asked first. They change by the day at most. */
export function useModels() {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.models,
    queryFn: async ({ signal }) => (await ask(api().GET("/v1/models", { signal }))).models,
    enabled: key !== null,
    staleTime: 10 * 60_000,
  });
}

/** The model a draft names, or the one that draws where it names none. */
export function chosenModel(models: Model[], key: string | null | undefined): Model | undefined {
  return models.find((model) => model.key === key) ?? models.find((model) => model.default) ?? models[0];
}
