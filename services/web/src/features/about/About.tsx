import type { ReactNode } from "react";
import { useEffect } from "react";
import { useLocation } from "react-router";
import { Title } from "@/components/Title";
import { Architecture } from "./Architecture";

/** How it works, what machines do here, what may be asked, and what is kept. */
export function About() {
  useJumpToFragment();
  return (
    <div className="page pt-8 sm:pt-12">
      <Title>About</Title>
      <header className="grid gap-4 lg:grid-cols-[1fr_1fr] lg:items-end">
        <h1 className="font-bold text-4xl tracking-tight sm:text-6xl">
          How a sentence
          <br />
          becomes a picture
        </h1>
        <p className="max-w-prose text-lg text-muted">
          Services talk through events only. Each hears what concerns it from a queue of its own, and what it cannot
          handle waits in a second queue for a person. So nothing that was accepted is lost, and nothing is paid twice.
        </p>
      </header>
      <Architecture />
      <div className="mt-16 grid gap-x-16 gap-y-14 md:grid-cols-2">
        <Chapter id="promise" title="What is promised">
          <p>
            The answer to your request is sent after it was written down. From then on every request reaches an end: a
            picture, a reason why not, or an operator who is told.
          </p>
          <p>
            Messages may come twice, late or out of order; the outcome is the same. A picture is paid for again only
            where a machine died in the moment between asking a model and noting its answer.
          </p>
        </Chapter>
        <Chapter id="machines" title="What machines do here">
          <p>
            Every picture here is made by an image model; which one, with which seed and settings, is kept with it and
            shown. Say that a picture was generated when you publish it.
          </p>
          <p>
            Machines also judge: a word filter and a language model read each prompt, and pictures are looked at by an
            image classifier before they are kept. They are wrong at times. A refusal names its reason, and you can say
            it differently.
          </p>
        </Chapter>
        <Chapter id="rules" title="What may be asked">
          <p>Nearly everything. Not drawn are:</p>
          <ul className="grid gap-1 pl-5 [&>li]:list-disc">
            <li>anything that endangers or sexualises children; sexual content</li>
            <li>hate, extremism, graphic violence, encouragement of self-harm</li>
            <li>instructions for illegal or dangerous acts</li>
            <li>real, known people</li>
            <li>orders to the machine instead of a picture</li>
          </ul>
          <p>A blocked prompt costs nothing. Many of them in a row make the service pause for your key.</p>
        </Chapter>
        <Chapter id="privacy" title="What is kept">
          <p>
            Your prompts and pictures, for you: in the request, in the gallery, in the events of that request. Logs and
            metrics never hold a word of them; statistics hold numbers and keyed hashes.
          </p>
          <p>
            A picture's links run out after a quarter of an hour, share links when you said. Deleting a picture deletes
            its files, its links and what is known of it.
          </p>
          <p>
            In this browser: your key, in memory or for the tab, as you choose; what you saw, for reading offline, until
            you forget the key. No cookies, no third parties.
          </p>
        </Chapter>
      </div>
    </div>
  );
}

function Chapter({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section id={id} aria-labelledby={`${id}-title`} className="scroll-mt-20 border-ink border-t-2 pt-4">
      <h2 id={`${id}-title`} className="mb-3 font-semibold text-2xl tracking-tight">
        {title}
      </h2>
      <div className="grid max-w-prose gap-3 leading-relaxed">{children}</div>
    </section>
  );
}

function useJumpToFragment(): void {
  const { hash } = useLocation();
  useEffect(() => {
    if (hash) document.getElementById(hash.slice(1))?.scrollIntoView();
  }, [hash]);
}
