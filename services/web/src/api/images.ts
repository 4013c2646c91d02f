import { type InfiniteData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useSession } from "@/state/session";
import { api, ask, type Schemas } from "./client";
import { keys } from "./queries";
import type { paths } from "./schema";

export type ImageSummary = Schemas["ImageSummary"];
export type ImageView = Schemas["ImageView"];
type Page = Schemas["ImagePage"];
type Pages = InfiniteData<Page, string | null>;

/** What a gallery may be narrowed to. */
export type ImageFilters = Pick<
  NonNullable<paths["/v1/images"]["get"]["parameters"]["query"]>,
  "q" | "model" | "style" | "day" | "favourite"
>;

const LIMIT = 24;

/** The gallery, page by page. A page of a search may be empty and still not be the last. */
export function useImages(filters: ImageFilters) {
  const key = useSession((state) => state.key);
  return useInfiniteQuery({
    queryKey: [...keys.images, filters],
    queryFn: ({ pageParam, signal }) =>
      ask(
        api().GET("/v1/images", {
          params: { query: { ...filters, limit: LIMIT, ...(pageParam === null ? {} : { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    enabled: key !== null,
  });
}

export function useImage(id: string) {
  const key = useSession((state) => state.key);
  return useQuery({
    queryKey: keys.image(id),
    queryFn: ({ signal }) => ask(api().GET("/v1/images/{image_id}", { params: { path: { image_id: id } }, signal })),
    enabled: key !== null,
    staleTime: 5 * 60_000,
  });
}

/** Mark or unmark a favourite. It shows at once, and is taken back where the API refuses. */
export function useFavourite() {
  const client = useQueryClient();
  const show = (id: string, favourite: boolean) => {
    client.setQueriesData<Pages>({ queryKey: keys.images }, (pages) => changed(pages, id, favourite));
    client.setQueryData<ImageView>(keys.image(id), (image) => image && { ...image, favourite });
  };
  return useMutation({
    mutationFn: ({ id, favourite }: { id: string; favourite: boolean }) => {
      const params = { params: { path: { image_id: id } } };
      return ask(
        favourite
          ? api().PUT("/v1/images/{image_id}/favourite", params)
          : api().DELETE("/v1/images/{image_id}/favourite", params),
      );
    },
    onMutate: ({ id, favourite }) => show(id, favourite),
    onError: (_error, { id, favourite }) => show(id, !favourite),
  });
}

function changed(pages: Pages | undefined, id: string, favourite: boolean): Pages | undefined {
  return (
    pages && {
      ...pages,
      pages: pages.pages.map((page) => ({
        ...page,
        images: page.images.map((image) => (image.id === id ? { ...image, favourite } : image)),
      })),
    }
  );
}

/** Delete a picture for good. */
export function useDeleteImage() {
  const client = useQueryClient();
  return useMutation({
    // Kept alive, since it may be the last thing that a page being closed does.
    mutationFn: (id: string) =>
      ask(api().DELETE("/v1/images/{image_id}", { params: { path: { image_id: id } }, keepalive: true })),
    onSuccess: (_nothing, id) => {
      client.setQueriesData<Pages>(
        { queryKey: keys.images },
        (pages) =>
          pages && {
            ...pages,
            pages: pages.pages.map((page) => ({ ...page, images: page.images.filter((image) => image.id !== id) })),
          },
      );
      client.removeQueries({ queryKey: keys.image(id) });
    },
  });
}

export function useShares(id: string) {
  return useQuery({
    queryKey: keys.shares(id),
    queryFn: async ({ signal }) =>
      (await ask(api().GET("/v1/images/{image_id}/shares", { params: { path: { image_id: id } }, signal }))).shares,
  });
}

export function useCreateShare(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (expires_in_seconds: number) =>
      ask(
        api().POST("/v1/images/{image_id}/shares", {
          params: { path: { image_id: id } },
          body: { expires_in_seconds },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.shares(id) }),
  });
}

export function useRevokeShare(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (share_id: string) =>
      ask(api().DELETE("/v1/images/{image_id}/shares/{share_id}", { params: { path: { image_id: id, share_id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.shares(id) }),
  });
}
