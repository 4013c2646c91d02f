import { useRef } from "react";
import { RequireApiKey } from "@/components/ApiKeyForm";
import { Title } from "@/components/Title";
import { GeneratorForm } from "./GeneratorForm";
import { RequestList } from "./RequestList";

/** Say what to draw on one side, see it come on the other. */
export function Generator() {
  const prompt = useRef<HTMLTextAreaElement>(null);
  const stream = useRef<HTMLDivElement>(null);
  return (
    <div className="page pt-6 sm:pt-10">
      <Title>Create</Title>
      <h1 className="sr-only">Create pictures</h1>
      <RequireApiKey purpose="Pictures are drawn for whoever holds a key.">
        <div className="grid items-start gap-x-10 gap-y-10 lg:grid-cols-[26rem_minmax(0,1fr)]">
          <GeneratorForm
            prompt={prompt}
            onSent={() => {
              // Where one is below the other, what was asked for would develop unseen.
              if (!matchMedia("(min-width: 64rem)").matches) stream.current?.scrollIntoView({ behavior: "smooth" });
            }}
          />
          <div ref={stream} className="min-w-0 scroll-mt-20">
            <RequestList
              onEdit={() => {
                prompt.current?.focus();
                prompt.current?.scrollIntoView({ block: "center", behavior: "smooth" });
              }}
            />
          </div>
        </div>
      </RequireApiKey>
    </div>
  );
}
