import { useMemo } from "react";
import { chosenModel, selectableModels, useModels } from "@/api/models";
import { usePreferences } from "@/api/preferences";
import { fitToModel } from "@/lib/drafts";
import { type Draft, useDraft } from "@/state/draft";

/** Return the form state: the draft, on top of the owner's defaults until a setting is changed. */
export function useGeneratorForm() {
  const models = useModels();
  const preferences = usePreferences().data?.preferences;
  const { draft, touched, set, replace } = useDraft();
  const wanted = useMemo<Draft>(
    () => (touched ? draft : { ...preferences?.defaults, ...draft }),
    [draft, touched, preferences],
  );
  const model = models.data && chosenModel(selectableModels(models.data), wanted.model);
  const fitted = useMemo(() => (model ? { ...fitToModel(wanted, model), model: model.key } : wanted), [wanted, model]);
  return {
    models,
    model,
    draft: fitted,
    change: (change: Partial<Draft>) => {
      if (Object.keys(change).every((field) => field === "prompt")) set(change);
      else replace({ ...fitted, ...change });
    },
  };
}
