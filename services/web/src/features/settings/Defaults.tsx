import type { Defaults as Chosen } from "genai-images-client";
import { chosenModel, selectableModels, useModels } from "@/api/models";
import { usePreferences, useSavePreferences } from "@/api/preferences";
import { SelectField } from "@/components/Field";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { RadioGroup } from "@/components/RadioGroup";
import { aspectRatioName, aspectRatiosOf } from "@/lib/aspectRatios";
import { humanize } from "@/lib/labels";
import { showToast } from "@/state/toasts";

/** Edits the default settings of the generator form. */
export function Defaults() {
  const preferences = usePreferences();
  const models = useModels();
  const save = useSavePreferences();
  const failed = preferences.error ?? models.error;
  if (failed)
    return <ErrorNotice error={failed} retry={() => void Promise.all([preferences.refetch(), models.refetch()])} />;
  if (!preferences.data || !models.data) return <Skeleton className="h-48" />;

  const chosen: Chosen = (save.isPending && save.variables.defaults) || preferences.data.preferences.defaults || {};
  const selectable = selectableModels(models.data);
  const model = chosenModel(selectable, chosen.model);
  const change = (next: Partial<Chosen>) =>
    save.mutate(
      { defaults: { ...chosen, ...next } },
      { onSuccess: () => void showToast("Saved.", { tone: "success", durationMs: 2500 }) },
    );
  const ratio = chosen.aspect_ratio ?? chosen.size ?? "";

  return (
    <>
      {save.isError && <ErrorNotice error={save.error} />}
      <SelectField
        label="Model"
        value={chosen.model ?? ""}
        onChange={(event) => change({ model: event.target.value || null, size: null, aspect_ratio: null, style: null })}
      >
        <option value="">Default</option>
        {selectable.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </SelectField>
      {model && (
        <SelectField
          label="Aspect ratio"
          value={ratio}
          onChange={(event) => {
            const found = aspectRatiosOf(model).find(({ value }) => value === event.target.value);
            change({ size: null, aspect_ratio: null, ...(found && { [found.field]: found.value }) });
          }}
        >
          <option value="">Default</option>
          {aspectRatiosOf(model).map((one) => (
            <option key={one.value} value={one.value}>
              {aspectRatioName(one)}, {one.value}
            </option>
          ))}
        </SelectField>
      )}
      {model && model.styles.length > 0 && (
        <SelectField
          label="Style"
          value={chosen.style ?? ""}
          onChange={(event) => change({ style: event.target.value || null })}
        >
          <option value="">None</option>
          {model.styles.map((style) => (
            <option key={style} value={style}>
              {humanize(style)}
            </option>
          ))}
        </SelectField>
      )}
      <RadioGroup
        legend="Images"
        options={[1, 2, 3, 4].map((value) => ({
          value,
          label: String(value),
          name: value === 1 ? "1 image" : `${value} images`,
        }))}
        value={chosen.count ?? 1}
        onChange={(count) => change({ count })}
      />
    </>
  );
}
