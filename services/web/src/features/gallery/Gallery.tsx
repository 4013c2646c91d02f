import { Outlet, useParams, useSearchParams } from "react-router";
import { type ImageFilters, useImages } from "@/api/images";
import { Button, ButtonLink } from "@/components/Button";
import { RequireApiKey } from "@/components/ApiKeyForm";
import { EmptyState, ErrorNotice } from "@/components/Notice";
import { Title } from "@/components/Title";
import { useDeletions } from "@/state/deletions";
import { Filters } from "./Filters";
import { LoadMore } from "./LoadMore";
import { ImageGrid, ImageGridSkeleton } from "./ImageGrid";

/** What the detail view learns from the gallery around it: what comes before and after. */
export type GalleryContext = { ids: readonly string[] };

/** All pictures, the newest first, narrowed to what the address says. */
export function Gallery() {
  return (
    <div className="page pt-8 sm:pt-12">
      <RequireApiKey purpose="The gallery belongs to whoever holds a key.">
        <Pictures />
      </RequireApiKey>
    </div>
  );
}

function Pictures() {
  const [search, setSearch] = useSearchParams();
  const { imageId } = useParams();
  const filters = filtersIn(search);
  const images = useImages(filters);
  const deleted = useDeletions((state) => state.ids);
  const shown = images.data?.pages.flatMap((page) => page.images).filter(({ id }) => !deleted.has(id)) ?? [];
  const narrowed = Object.keys(filters).length > 0;
  const nothing = images.isSuccess && shown.length === 0 && !images.hasNextPage;
  return (
    <>
      {imageId === undefined && <Title>Gallery</Title>}
      <header className="mb-6 flex flex-wrap items-end justify-between gap-x-8 gap-y-4">
        <h1 className="font-bold text-4xl tracking-tight sm:text-5xl">Gallery</h1>
        <Filters filters={filters} onChange={(next) => setSearch(searchOf(next), { replace: true })} />
      </header>
      {images.isError && !images.data && <ErrorNotice error={images.error} retry={() => void images.refetch()} />}
      {images.isPending && <ImageGridSkeleton />}
      {shown.length > 0 && <ImageGrid images={shown} search={search.toString()} onStale={() => void images.refetch()} />}
      {nothing &&
        (narrowed ? (
          <EmptyState title="No frame like that" action={<Button onClick={() => setSearch({})}>Show all pictures</Button>}>
            No picture fits all of what you narrowed the gallery to.
          </EmptyState>
        ) : (
          <EmptyState
            title="Nothing here yet"
            action={
              <ButtonLink to="/create" variant="primary">
                Create the first
              </ButtonLink>
            }
          >
            Every picture that is drawn for you comes here by itself, with everything that made it.
          </EmptyState>
        ))}
      <LoadMore query={images} />
      <Outlet context={{ ids: shown.map(({ id }) => id) } satisfies GalleryContext} />
    </>
  );
}

function filtersIn(search: URLSearchParams): ImageFilters {
  const filters: ImageFilters = {};
  for (const name of ["q", "model", "style", "day"] as const) {
    const value = search.get(name);
    if (value) filters[name] = value;
  }
  if (search.get("favourite") === "true") filters.favourite = "true";
  return filters;
}

function searchOf(filters: ImageFilters): Record<string, string> {
  return Object.fromEntries(Object.entries(filters).filter((entry): entry is [string, string] => Boolean(entry[1])));
}
