import type { ReactNode } from "react";
import { ApiKeyForm } from "@/components/ApiKeyForm";
import { Title } from "@/components/Title";
import { useSession } from "@/state/session";
import { ApiKeySettings } from "./ApiKeySettings";
import { Appearance } from "./Appearance";
import { Defaults } from "./Defaults";
import { Notifications } from "./Notifications";
import { Privacy } from "./Privacy";

/** The API key and the owner's preferences. */
export function Settings() {
  const key = useSession((state) => state.key);
  return (
    <div className="page max-w-4xl pt-8 sm:pt-12">
      <Title>Settings</Title>
      <h1 className="mb-8 font-bold text-4xl tracking-tight sm:text-5xl">Settings</h1>
      <Section title="API key" text="Identifies you, and sets your permissions and limits.">
        {key === null ? <ApiKeyForm /> : <ApiKeySettings />}
      </Section>
      <Section title="Appearance" text="The theme, on all your devices.">
        <Appearance />
      </Section>
      {key !== null && (
        <>
          <Section title="Default settings" text="The initial settings of the generator form, on all your devices.">
            <Defaults />
          </Section>
          <Section title="Notifications" text="For requests that finish while you do something else.">
            <Notifications />
          </Section>
          <Section title="Privacy" text="What is stored about you, and where.">
            <Privacy />
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
