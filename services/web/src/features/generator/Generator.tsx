import { useRef } from "react";
import { RequireApiKey } from "@/components/ApiKeyForm";
import { Title } from "@/components/Title";
import { GeneratorForm } from "./GeneratorForm";
import { RequestList } from "./RequestList";

/** The form on one side, the requests and their progress on the other. */
export function Generator() {
  const prompt = useRef<HTMLTextAreaElement>(null);
  const requestList = useRef<HTMLDivElement>(null);
  return (
    <div className="page pt-6 sm:pt-10">
      <Title>Create</Title>
      <h1 className="sr-only">Create images</h1>
      <RequireApiKey purpose="You need a key to generate images.">
        <div className="grid items-start gap-x-10 gap-y-10 lg:grid-cols-[26rem_minmax(0,1fr)]">
          <GeneratorForm
            prompt={prompt}
            onSent={() => {
              // On a narrow screen, the requests are below the form and out of sight.
              if (!matchMedia("(min-width: 64rem)").matches)
                requestList.current?.scrollIntoView({ behavior: "smooth" });
            }}
          />
          <div ref={requestList} className="min-w-0 scroll-mt-20">
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
