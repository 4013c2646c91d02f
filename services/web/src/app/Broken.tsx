import { useRouteError } from "react-router";

/** When nothing else can be shown. It relies on nothing but itself. */
export function Broken({ error }: { error: unknown }) {
  return (
    <main className="mx-auto grid min-h-dvh max-w-prose content-center gap-3 px-6">
      <h1 className="font-bold text-3xl">This page cannot be shown</h1>
      <p className="text-muted">{error instanceof Error ? error.message : "Something unexpected happened."}</p>
      <p>
        <a className="text-accent underline underline-offset-4" href={location.pathname}>
          Load it again
        </a>{" "}
        or{" "}
        <a className="text-accent underline underline-offset-4" href="/">
          begin at the first page
        </a>
        .
      </p>
    </main>
  );
}

export function BrokenRoute() {
  return <Broken error={useRouteError()} />;
}
