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

/** Fetches the next page when the end comes near: also where a page of a search came back empty. A button does the same. */
export function LoadMore({ query }: LoadMoreProps) {
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, error } = query;
  const element = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (!element.current || typeof IntersectionObserver === "undefined") return;
    const observer = new IntersectionObserver(([entry]) => setNear(entry?.isIntersecting ?? false), {
      rootMargin: "900px",
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (near && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [near, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  return (
    <div ref={element} className="mt-8 grid justify-items-center" aria-live="polite">
      {isFetchNextPageError ? (
        <ErrorNotice error={error} retry={() => void fetchNextPage()} />
      ) : (
        hasNextPage && (
          <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {isFetchingNextPage ? "Looking further back…" : "Older pictures"}
          </Button>
        )
      )}
    </div>
  );
}
