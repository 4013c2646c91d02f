import { useQuery } from "@tanstack/react-query";
import { listModels, type ModelView, showModel } from "genai-images-client";
import { useSession } from "@/state/session";
import { api, dataOf } from "./client";
import { keys } from "./queries";

export type Model = ModelView;

/** All models. The list changes once per day at most. */
export function useModels() {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.models,
    queryFn: async ({ signal }) => (await dataOf(listModels({ client: api(), signal }))).models,
    enabled: key !== null,
    staleTime: 10 * 60_000,
  });
}

/** One model with its card, which is read when it is opened. */
export function useModelCard(model: string, open: boolean) {
  return useQuery({
    queryKey: keys.model(model),
    queryFn: ({ signal }) => dataOf(showModel({ client: api(), path: { key: model }, signal })),
    enabled: open,
    staleTime: 10 * 60_000,
  });
}

/** Return the model with this key, otherwise the default model. */
export function chosenModel(models: Model[], key: string | null | undefined): Model | undefined {
  return models.find((model) => model.key === key) ?? models.find((model) => model.default) ?? models[0];
}

/** Return the models that can be chosen, the default first. A model past its end of life is replaced by its successor. */
export function selectableModels(models: Model[]): Model[] {
  return models
    .filter(({ lifecycle }) => lifecycle === "active" || lifecycle === "legacy")
    .sort((one, other) => Number(other.default) - Number(one.default));
}
