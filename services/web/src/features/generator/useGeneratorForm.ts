import { useMemo } from "react";
import { chosenModel, type Model, useModels } from "@/api/models";
import { usePreferences } from "@/api/preferences";
import { fitToModel } from "@/lib/drafts";
import { type Draft, useDraft } from "@/state/draft";

/** What the form shows: the draft, with the owner's defaults where nobody chose anything yet. */
export function useGeneratorForm() {
  const models = useModels();
  const preferences = usePreferences().data?.preferences;
  const { draft, touched, set, replace } = useDraft();
  const asked = useMemo<Draft>(
    () => (touched ? draft : { ...preferences?.defaults, ...draft }),
    [draft, touched, preferences],
  );
  const model = models.data && chosenModel(usable(models.data), asked.model);
  const shown = useMemo(() => (model ? { ...fitToModel(asked, model), model: model.key } : asked), [asked, model]);
  return {
    models,
    model,
    draft: shown,
    change: (change: Partial<Draft>) => {
      if (Object.keys(change).every((field) => field === "prompt")) set(change);
      else replace({ ...shown, ...change });
    },
  };
}

/** Of a model that has ended, its successor draws: there is nothing to choose. */
export function usable(models: Model[]): Model[] {
  return models
    .filter(({ lifecycle }) => lifecycle !== "ended")
    .sort((one, other) => Number(other.default) - Number(one.default));
}
