import type { ReactNode } from "react";
import { ApiKeyForm } from "@/components/ApiKeyForm";
import { Title } from "@/components/Title";
import { useSession } from "@/state/session";
import { Appearance } from "./Appearance";
import { Defaults } from "./Defaults";
import { ApiKeySettings } from "./ApiKeySettings";
import { Notifications } from "./Notifications";

/** The key, and what its owner prefers. */
export function Settings() {
  const key = useSession((state) => state.key);
  return (
    <div className="page max-w-4xl pt-8 sm:pt-12">
      <Title>Settings</Title>
      <h1 className="mb-8 font-bold text-4xl tracking-tight sm:text-5xl">Settings</h1>
      <Section title="Your key" text="It says who you are to the API: what you may do, and how much of it.">
        {key === null ? <ApiKeyForm /> : <ApiKeySettings />}
      </Section>
      <Section title="Appearance" text="Light as a light table, dark as a darkroom.">
        <Appearance />
      </Section>
      {key !== null && (
        <>
          <Section
            title="Where you begin"
            text="What the form holds before you choose. Kept on the server, for every device."
          >
            <Defaults />
          </Section>
          <Section title="When a picture is done" text="For when you look elsewhere meanwhile.">
            <Notifications />
          </Section>
        </>
      )}
    </div>
  );
}

function Section({ title, text, children }: { title: string; text: string; children: ReactNode }) {
  return (
    <section className="grid gap-x-12 gap-y-4 border-line border-t py-8 md:grid-cols-[15rem_minmax(0,1fr)]">
      <div>
        <h2 className="font-semibold text-lg">{title}</h2>
        <p className="mt-1 text-muted text-sm">{text}</p>
      </div>
      <div className="grid min-w-0 content-start gap-5">{children}</div>
    </section>
  );
}
