import { ArrowRight } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Link, useNavigate } from "react-router";
import { Button } from "@/components/Button";
import { ProgressiveImage } from "@/components/ProgressiveImage";
import { useDraft } from "@/state/draft";
import { EXAMPLES } from "./examples";

/** The home page: a prompt field, examples, and the steps of a request. */
export function Home() {
  return (
    <>
      <title>GenAI Image Generator</title>
      <section className="page grid items-end gap-x-16 gap-y-8 pt-12 pb-10 sm:pt-20 lg:grid-cols-[1.15fr_1fr]">
        <h1 className="font-bold text-[clamp(2.75rem,7.2vw,5.5rem)] leading-[0.94] tracking-[-0.035em]">
          Describe it.
          <br />
          See it appear.
        </h1>
        <div className="grid min-w-0 gap-5 lg:pb-2">
          <p className="max-w-prose text-lg text-muted">
            Describe an image and follow every step live: accepted, approved, generated, checked, stored. No accepted
            request is ever lost.
          </p>
          <PromptForm />
        </div>
      </section>
      <ExampleGallery />
      <Steps />
    </>
  );
}

function PromptForm() {
  const navigate = useNavigate();
  const { draft, set } = useDraft();
  const [text, setText] = useState(draft.prompt);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    set({ prompt: text });
    void navigate("/create");
  };
  return (
    <form
      onSubmit={submit}
      className="flex gap-2 rounded-card border border-edge bg-raised p-2 shadow-card transition-colors focus-within:border-accent"
    >
      <label htmlFor="prompt" className="sr-only">
        Describe your image
      </label>
      <input
        id="prompt"
        value={text}
        onChange={(event) => setText(event.target.value)}
        placeholder="A paper boat on a moonlit lake"
        autoComplete="off"
        className="w-0 min-w-0 flex-1 bg-transparent px-3 text-base outline-none"
      />
      <Button type="submit" variant="primary" className="min-h-11">
        Start
        <ArrowRight className="size-4" aria-hidden />
      </Button>
    </form>
  );
}

/** Example images, numbered like a contact sheet. Each one fills in its prompt. */
function ExampleGallery() {
  const set = useDraft((state) => state.set);
  return (
    <section aria-labelledby="examples" className="border-line border-y bg-surface">
      <div className="sprockets opacity-80" aria-hidden />
      <div className="page py-8">
        <div className="mb-5 flex flex-wrap items-baseline justify-between gap-2">
          <h2 id="examples" className="font-semibold text-2xl tracking-tight">
            Generated with this app
          </h2>
          <p className="text-muted text-sm">Select an image to use its prompt.</p>
        </div>
        <ul className="columns-2 gap-3 sm:columns-3 sm:gap-4 lg:columns-4">
          {EXAMPLES.map((example, index) => (
            <li key={example.file} className="mb-3 break-inside-avoid sm:mb-4">
              <Link
                to="/create"
                onClick={() => set({ prompt: example.prompt })}
                className="group grid gap-1.5 rounded-image"
              >
                <ProgressiveImage
                  src={`/examples/${example.file}.webp`}
                  alt={example.prompt}
                  width={example.width}
                  height={example.height}
                  placeholder={example.placeholder}
                  eager={index < 6}
                  className="transition-transform duration-300 ease-calm group-hover:-translate-y-0.5"
                />
                <span className="flex gap-2 text-muted group-hover:text-ink" aria-hidden>
                  <span className="margin-note text-accent">{String(index + 1).padStart(2, "0")}</span>
                  <span className="text-xs leading-4">{example.prompt}</span>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </div>
      <div className="sprockets opacity-80" aria-hidden />
    </section>
  );
}

const STEPS = [
  ["Accepted", "Your request is stored before we confirm it, so it cannot be lost."],
  ["Approved", "A keyword filter and a language model check the prompt. A rejection includes the reason."],
  ["Generated", "Your chosen model generates the image. If it is unavailable, a similar one takes over."],
  ["Checked", "An image classifier checks the result."],
  ["Stored", "The image is saved in three sizes, together with all its settings."],
] as const;

function Steps() {
  return (
    <section aria-labelledby="steps" className="page py-16">
      <h2 id="steps" className="font-semibold text-2xl tracking-tight">
        What happens to a prompt
      </h2>
      <ol className="mt-6 grid gap-x-6 gap-y-6 sm:grid-cols-5">
        {STEPS.map(([name, text], index) => (
          <li key={name} className="relative grid content-start gap-1 border-ink border-t-2 pt-3">
            <span className="margin-note text-accent">{index + 1}</span>
            <h3 className="font-semibold">{name}</h3>
            <p className="text-muted text-sm">{text}</p>
          </li>
        ))}
      </ol>
      <p className="mt-8 text-sm">
        <Link to="/about" className="text-accent underline underline-offset-4 hover:text-accent-strong">
          Read how it works
        </Link>
      </p>
    </section>
  );
}
