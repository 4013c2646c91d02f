import { useIsMutating } from "@tanstack/react-query";
import { Dices, Sparkles, X } from "lucide-react";
import { type FormEvent, type RefObject, useState } from "react";
import { selectableModels } from "@/api/models";
import { CREATE_REQUEST, useCreateRequest } from "@/api/requests";
import { Button, IconButton } from "@/components/Button";
import { TextArea, TextField } from "@/components/Field";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { RadioGroup } from "@/components/RadioGroup";
import { count } from "@/lib/format";
import { requestBody } from "@/state/draft";
import { AdvancedSettings } from "./AdvancedSettings";
import { AspectRatioPicker } from "./AspectRatioPicker";
import { CostEstimate } from "./CostEstimate";
import { ModelPicker } from "./ModelPicker";
import { StylePicker } from "./StylePicker";
import { useGeneratorForm } from "./useGeneratorForm";

const COUNTS = [1, 2, 3, 4].map((value) => ({
  value,
  label: String(value),
  name: value === 1 ? "1 image" : `${value} images`,
}));

/** The generator form: the prompt and the generation settings. */
export function GeneratorForm({ prompt, onSent }: { prompt: RefObject<HTMLTextAreaElement | null>; onSent(): void }) {
  const { models, model, draft, change } = useGeneratorForm();
  const create = useCreateRequest();
  const sending = useIsMutating({ mutationKey: CREATE_REQUEST });
  const [submitted, setSubmitted] = useState(false);

  if (models.isError) return <ErrorNotice error={models.error} retry={() => void models.refetch()} />;
  if (!model || !models.data) return <GeneratorFormSkeleton />;

  const { prompt_max, negative_prompt_max, seed_max } = model.limits;
  const negative = draft.negative_prompt ?? "";
  const problem = promptProblem(draft.prompt, prompt_max);
  const negativeProblem =
    negative.length > negative_prompt_max
      ? `${count(negative.length - negative_prompt_max)} characters over the limit of ${model.name}`
      : undefined;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSubmitted(true);
    if (problem || negativeProblem) {
      prompt.current?.focus();
      return;
    }
    setSubmitted(false);
    create.mutate({ body: requestBody(draft), idempotencyKey: crypto.randomUUID() });
    onSent();
  };

  return (
    <form
      onSubmit={submit}
      noValidate
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) submit(event);
      }}
      aria-label="Image settings"
      className="grid gap-6 lg:sticky lg:top-20 lg:max-h-[calc(100dvh-6rem)] lg:overflow-y-auto lg:pr-1 lg:pb-1"
    >
      <div className="grid gap-4">
        <TextArea
          ref={prompt}
          label="Prompt"
          rows={4}
          value={draft.prompt}
          placeholder="Describe your image: subject, light, colours and style."
          className="min-h-28 text-base leading-relaxed"
          error={submitted || draft.prompt.length > prompt_max ? problem : undefined}
          aside={<CharacterCount text={draft.prompt} max={prompt_max} />}
          onChange={(event) => change({ prompt: event.target.value })}
        />
        <TextArea
          label="Negative prompt"
          rows={1}
          value={negative}
          placeholder="What to avoid, such as text or blur"
          error={negativeProblem}
          aside={<CharacterCount text={negative} max={negative_prompt_max} />}
          onChange={(event) => change({ negative_prompt: event.target.value })}
        />
      </div>
      <StylePicker model={model} draft={draft} onChange={change} />
      <AspectRatioPicker model={model} draft={draft} onChange={change} />
      <ModelPicker
        models={selectableModels(models.data)}
        value={model.key}
        onChange={(key) => change({ model: key })}
      />
      <div className="flex flex-wrap items-start justify-between gap-4">
        <RadioGroup legend="Images" options={COUNTS} value={draft.count ?? 1} onChange={(n) => change({ count: n })} />
        <div className="w-44">
          <TextField
            label="Seed"
            inputMode="numeric"
            placeholder="Random"
            value={draft.seed ?? ""}
            className="font-mono"
            aside={
              <span className="-my-2 flex">
                {draft.seed !== null && draft.seed !== undefined && (
                  <IconButton label="Clear seed" className="size-8!" onClick={() => change({ seed: null })}>
                    <X className="size-4" aria-hidden />
                  </IconButton>
                )}
                <IconButton
                  label="Pick a random seed"
                  className="size-8!"
                  onClick={() => change({ seed: Math.floor(Math.random() * (seed_max + 1)) })}
                >
                  <Dices className="size-4" aria-hidden />
                </IconButton>
              </span>
            }
            onChange={(event) => {
              const digits = event.target.value.replace(/\D/g, "");
              change({ seed: digits === "" ? null : Math.min(Number(digits), seed_max) });
            }}
          />
        </div>
      </div>
      <AdvancedSettings model={model} draft={draft} onChange={change} />
      <div className="sticky bottom-[calc(3.5rem+env(safe-area-inset-bottom))] z-10 -mx-4 flex items-center gap-4 border-line border-t bg-ground/95 px-4 py-3 backdrop-blur-md sm:bottom-0 lg:mx-0 lg:px-0">
        <CostEstimate model={model} draft={draft} />
        <Button type="submit" variant="primary" className="min-h-12 px-6 text-base" aria-keyshortcuts="Control+Enter">
          <Sparkles className="size-4" aria-hidden />
          {sending > 0 ? "Generate another" : "Generate"}
        </Button>
      </div>
    </form>
  );
}

function promptProblem(prompt: string, max: number): string | undefined {
  if (prompt.trim() === "") return "Enter a prompt.";
  if (prompt.length > max) return `${count(prompt.length - max)} characters over the limit of this model`;
  return undefined;
}

function CharacterCount({ text, max }: { text: string; max: number }) {
  const over = text.length > max;
  return (
    <span className={`margin-note ${over ? "text-bad" : "text-muted"}`}>
      {count(text.length)}
      <span className="sr-only"> of </span>
      <span aria-hidden> / </span>
      {count(max)}
    </span>
  );
}

function GeneratorFormSkeleton() {
  return (
    <div className="grid gap-6" role="status" aria-label="Loading models">
      <Skeleton className="h-36" />
      <Skeleton className="h-10" />
      <Skeleton className="h-24" />
      <Skeleton className="h-40" />
    </div>
  );
}
