import { useEffect, useRef, useState } from "react";
import { Button } from "@/components/Button";
import { ErrorNotice } from "@/components/Notice";

type LoadMoreProps = {
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    isFetchNextPageError: boolean;
    error: unknown;
    fetchNextPage(): unknown;
  };
};

/** Loads the next page when the user scrolls near the bottom, or with a button. Also continues after an empty page. */
export function LoadMore({ query }: LoadMoreProps) {
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, error } = query;
  const sentinel = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (!sentinel.current || typeof IntersectionObserver === "undefined") return;
    // A busy page gets several changes in one call, the latest last.
    const observer = new IntersectionObserver((changes) => setNear(changes.at(-1)?.isIntersecting ?? false), {
      rootMargin: "900px",
    });
    observer.observe(sentinel.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (near && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [near, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  return (
    <div ref={sentinel} className="mt-8 grid justify-items-center" aria-live="polite">
      {isFetchNextPageError ? (
        <ErrorNotice error={error} retry={() => void fetchNextPage()} />
      ) : (
        hasNextPage && (
          <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {isFetchingNextPage ? "Loading…" : "Load more images"}
          </Button>
        )
      )}
    </div>
  );
}
