import type { Schemas } from "@/api/client";
import { useModels } from "@/api/models";
import { usePreferences, useSavePreferences } from "@/api/preferences";
import { RadioGroup } from "@/components/RadioGroup";
import { SelectField } from "@/components/Field";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { aspectRatioName, aspectRatiosOf } from "@/lib/aspectRatios";
import { humanize } from "@/lib/labels";
import { showToast } from "@/state/toasts";

type Chosen = Schemas["Defaults"];

/** What the generator's form begins with. */
export function Defaults() {
  const preferences = usePreferences();
  const models = useModels();
  const save = useSavePreferences();
  const failed = preferences.error ?? models.error;
  if (failed)
    return <ErrorNotice error={failed} retry={() => void Promise.all([preferences.refetch(), models.refetch()])} />;
  if (!preferences.data || !models.data) return <Skeleton className="h-48" />;

  const chosen: Chosen = (save.isPending && save.variables.defaults) || preferences.data.preferences.defaults || {};
  const usable = models.data.filter(({ lifecycle }) => lifecycle !== "ended");
  const model = usable.find(({ key }) => key === chosen.model) ?? usable.find((one) => one.default) ?? usable[0];
  const change = (next: Partial<Chosen>) =>
    save.mutate(
      { defaults: { ...chosen, ...next } },
      { onSuccess: () => void showToast("Saved.", { tone: "success", durationMs: 2500 }) },
    );
  const shape = chosen.aspect_ratio ?? chosen.size ?? "";

  return (
    <>
      {save.isError && <ErrorNotice error={save.error} />}
      <SelectField
        label="Model"
        value={chosen.model ?? ""}
        onChange={(event) => change({ model: event.target.value || null, size: null, aspect_ratio: null, style: null })}
      >
        <option value="">The usual one</option>
        {usable.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </SelectField>
      {model && (
        <SelectField
          label="Shape"
          value={shape}
          onChange={(event) => {
            const found = aspectRatiosOf(model).find(({ value }) => value === event.target.value);
            change({ size: null, aspect_ratio: null, ...(found && { [found.field]: found.value }) });
          }}
        >
          <option value="">The model's own</option>
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
        legend="Pictures"
        options={[1, 2, 3, 4].map((value) => ({ value, label: String(value), name: `${value} pictures` }))}
        value={chosen.count ?? 1}
        onChange={(count) => change({ count })}
      />
    </>
  );
}
