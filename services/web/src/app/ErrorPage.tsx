import { useRouteError } from "react-router";

/** The last resort if the app cannot render. It depends on no other module. */
export function ErrorPage({ error }: { error: unknown }) {
  return (
    <main className="mx-auto grid min-h-dvh max-w-prose content-center gap-3 px-6">
      <h1 className="font-bold text-3xl">This page could not be displayed</h1>
      <p className="text-muted">{error instanceof Error ? error.message : "Something unexpected happened."}</p>
      <p>
        <a className="text-accent underline underline-offset-4" href={location.pathname}>
          Reload the page
        </a>{" "}
        or{" "}
        <a className="text-accent underline underline-offset-4" href="/">
          go to the home page
        </a>
        .
      </p>
    </main>
  );
}

export function RouteErrorPage() {
  return <ErrorPage error={useRouteError()} />;
}
