import { useMemo } from "react";
import { Outlet, useParams, useSearchParams } from "react-router";
import { type ImageFilters, useImages, useRenewLinks } from "@/api/images";
import { RequireApiKey } from "@/components/ApiKeyForm";
import { Button, ButtonLink } from "@/components/Button";
import { EmptyState, ErrorNotice } from "@/components/Notice";
import { Title } from "@/components/Title";
import { isDeleted, useDeletions } from "@/state/deletions";
import { Filters } from "./Filters";
import { ImageGrid, ImageGridSkeleton } from "./ImageGrid";
import { LoadMore } from "./LoadMore";

/** Gives the detail view the order of the images, for its previous and next buttons. */
export type GalleryContext = { ids: readonly string[] };

/** Shows all images, newest first, filtered by the query string. */
export function Gallery() {
  return (
    <div className="page pt-8 sm:pt-12">
      <RequireApiKey purpose="The gallery shows the images of your API key.">
        <Images />
      </RequireApiKey>
    </div>
  );
}

function Images() {
  const [search, setSearch] = useSearchParams();
  const { imageId } = useParams();
  const filters = filtersFrom(search);
  const images = useImages(filters);
  const deleted = useDeletions((state) => state.ids);
  const renewLinks = useRenewLinks(filters);
  const pages = images.data?.pages;
  const visible = useMemo(
    () => pages?.flatMap((page) => page.images).filter(({ id }) => !isDeleted(deleted, id)) ?? [],
    [pages, deleted],
  );
  const filtered = Object.keys(filters).length > 0;
  const empty = images.isSuccess && visible.length === 0 && !images.hasNextPage;
  return (
    <>
      {imageId === undefined && <Title>Gallery</Title>}
      <header className="mb-6 flex flex-wrap items-end justify-between gap-x-8 gap-y-4">
        <h1 className="font-bold text-4xl tracking-tight sm:text-5xl">Gallery</h1>
        <Filters filters={filters} onChange={(next) => setSearch(toSearch(next), { replace: true })} />
      </header>
      {images.isError && !images.data && <ErrorNotice error={images.error} retry={() => void images.refetch()} />}
      {images.isPending && <ImageGridSkeleton />}
      {visible.length > 0 && (
        <ImageGrid
          images={visible}
          search={search.toString()}
          onLoadError={(id) => void renewLinks(id).catch(() => undefined)} // its place says that it did not load
        />
      )}
      {empty &&
        (filtered ? (
          <EmptyState title="No matching images" action={<Button onClick={() => setSearch({})}>Clear filters</Button>}>
            No image matches all of your filters.
          </EmptyState>
        ) : (
          <EmptyState
            title="No images yet"
            action={
              <ButtonLink to="/create" variant="primary">
                Create your first image
              </ButtonLink>
            }
          >
            Every image you generate appears here, together with its settings.
          </EmptyState>
        ))}
      <LoadMore query={images} />
      <Outlet context={{ ids: visible.map(({ id }) => id) } satisfies GalleryContext} />
    </>
  );
}

function filtersFrom(search: URLSearchParams): ImageFilters {
  const filters: ImageFilters = {};
  for (const name of ["q", "model", "style", "day"] as const) {
    const value = search.get(name);
    if (value) filters[name] = value;
  }
  if (search.get("favourite") === "true") filters.favourite = "true";
  return filters;
}

function toSearch(filters: ImageFilters): Record<string, string> {
  return Object.fromEntries(Object.entries(filters).filter((entry): entry is [string, string] => Boolean(entry[1])));
}
