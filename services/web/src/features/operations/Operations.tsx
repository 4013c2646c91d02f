import type { ReactNode } from "react";
import { useReadiness } from "@/api/operations";
import { RequireApiKey } from "@/components/ApiKeyForm";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { Title } from "@/components/Title";
import { Appeals } from "./Appeals";
import { Audit } from "./Audit";
import { DeadLetters } from "./DeadLetters";
import { OperatorKey } from "./OperatorKey";
import { QueueHealth } from "./QueueHealth";
import { TraceFinder } from "./TraceFinder";

/** The page for on-call operators: queues, dead letters, appeals, traces and audits. */
export function Operations() {
  return (
    <div className="page pt-8 sm:pt-12">
      <Title>Operations</Title>
      <h1 className="mb-8 font-bold text-4xl tracking-tight sm:text-5xl">Operations</h1>
      <RequireApiKey purpose="This page needs a key with the scope admin.">
        <Sections />
      </RequireApiKey>
    </div>
  );
}

function Sections() {
  const readiness = useReadiness();
  if (readiness.isError && !readiness.data)
    return (
      <div className="grid max-w-2xl gap-6">
        <ErrorNotice error={readiness.error} retry={() => void readiness.refetch()} />
        <OperatorKey />
      </div>
    );
  if (!readiness.data) return <Skeleton className="h-64" />;
  return (
    <div className="grid grid-cols-1 gap-12">
      <Section title="Queues">
        <QueueHealth readiness={readiness.data} />
      </Section>
      <Section title="Dead letters">
        <DeadLetters />
      </Section>
      <Section title="Appeals">
        <Appeals />
      </Section>
      <Section title="Request trace">
        <TraceFinder />
      </Section>
      <Section title="Audit">
        <Audit />
      </Section>
    </div>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="grid grid-cols-1 gap-4 border-ink border-t-2 pt-4">
      <h2 className="font-semibold text-2xl tracking-tight">{title}</h2>
      {children}
    </section>
  );
}
