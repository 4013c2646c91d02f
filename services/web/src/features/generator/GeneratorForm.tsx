import { useIsMutating } from "@tanstack/react-query";
import { Dices, Sparkles, X } from "lucide-react";
import { type FormEvent, type RefObject, useState } from "react";
import { CREATE_REQUEST, useCreateRequest } from "@/api/requests";
import { Button, IconButton } from "@/components/Button";
import { RadioGroup } from "@/components/RadioGroup";
import { TextArea, TextField } from "@/components/Field";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { count } from "@/lib/format";
import { requestBody } from "@/state/draft";
import { AdvancedSettings } from "./AdvancedSettings";
import { CostEstimate } from "./CostEstimate";
import { ModelPicker } from "./ModelPicker";
import { AspectRatioPicker } from "./AspectRatioPicker";
import { StylePicker } from "./StylePicker";
import { usable, useGeneratorForm } from "./useGeneratorForm";

const COUNTS = [1, 2, 3, 4].map((value) => ({ value, label: String(value), name: `${value} pictures` }));

/** The form: a prompt, and how it shall be drawn. */
export function GeneratorForm({ prompt, onSent }: { prompt: RefObject<HTMLTextAreaElement | null>; onSent(): void }) {
  const { models, model, draft, change } = useGeneratorForm();
  const create = useCreateRequest();
  const sending = useIsMutating({ mutationKey: CREATE_REQUEST });
  const [asked, setAsked] = useState(false);

  if (models.isError) return <ErrorNotice error={models.error} retry={() => void models.refetch()} />;
  if (!model || !models.data) return <GeneratorFormSkeleton />;

  const { prompt_max, negative_prompt_max, seed_max } = model.limits;
  const negative = draft.negative_prompt ?? "";
  const problem = promptProblem(draft.prompt, prompt_max);
  const negativeProblem =
    negative.length > negative_prompt_max
      ? `${count(negative.length - negative_prompt_max)} characters too long for ${model.name}`
      : undefined;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    if (problem || negativeProblem) {
      prompt.current?.focus();
      return;
    }
    setAsked(false);
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
      aria-label="What to draw"
      className="grid gap-6 lg:sticky lg:top-20 lg:max-h-[calc(100dvh-6rem)] lg:overflow-y-auto lg:pr-1 lg:pb-1"
    >
      <div className="grid gap-4">
        <TextArea
          ref={prompt}
          label="Prompt"
          rows={4}
          value={draft.prompt}
          placeholder="What shall be in the picture? Light, time of day, colours and a technique help."
          className="min-h-28 text-base leading-relaxed"
          error={asked || draft.prompt.length > prompt_max ? problem : undefined}
          aside={<Length of={draft.prompt} most={prompt_max} />}
          onChange={(event) => change({ prompt: event.target.value })}
        />
        <TextArea
          label="Leave out"
          rows={1}
          value={negative}
          placeholder="people, text, blur"
          error={negativeProblem}
          aside={<Length of={negative} most={negative_prompt_max} />}
          onChange={(event) => change({ negative_prompt: event.target.value })}
        />
      </div>
      <StylePicker model={model} draft={draft} onChange={change} />
      <AspectRatioPicker model={model} draft={draft} onChange={change} />
      <ModelPicker models={usable(models.data)} value={model.key} onChange={(key) => change({ model: key })} />
      <div className="flex flex-wrap items-start justify-between gap-4">
        <RadioGroup legend="Pictures" options={COUNTS} value={draft.count ?? 1} onChange={(n) => change({ count: n })} />
        <div className="w-44">
          <TextField
            label="Seed"
            inputMode="numeric"
            placeholder="New each time"
            value={draft.seed ?? ""}
            className="font-mono"
            aside={
              <span className="-my-2 flex">
                {draft.seed !== null && draft.seed !== undefined && (
                  <IconButton label="A new seed each time" className="size-8!" onClick={() => change({ seed: null })}>
                    <X className="size-4" aria-hidden />
                  </IconButton>
                )}
                <IconButton
                  label="Roll the dice"
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
          {sending > 0 ? "Draw another" : "Draw"}
        </Button>
      </div>
    </form>
  );
}

function promptProblem(prompt: string, most: number): string | undefined {
  if (prompt.trim() === "") return "Say what to draw first.";
  if (prompt.length > most) return `${count(prompt.length - most)} characters too long for this model`;
  return undefined;
}

function Length({ of, most }: { of: string; most: number }) {
  const over = of.length > most;
  return (
    <span className={`margin-note ${over ? "text-bad" : "text-muted"}`}>
      {count(of.length)}
      <span className="sr-only"> of </span>
      <span aria-hidden> / </span>
      {count(most)}
    </span>
  );
}

function GeneratorFormSkeleton() {
  return (
    <div className="grid gap-6" role="status" aria-label="Loading the models">
      <Skeleton className="h-36" />
      <Skeleton className="h-10" />
      <Skeleton className="h-24" />
      <Skeleton className="h-40" />
    </div>
  );
}
