import { queryOptions, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  createShare,
  deleteImage,
  type ImageView,
  type ListImagesData,
  listImages,
  listShares,
  revokeShare,
  setFavourite,
  showImage,
  unsetFavourite,
} from "genai-images-client";
import { useEffect } from "react";
import { deleteCachedFiles } from "@/lib/imageCache";
import { useSession } from "@/state/session";
import { api, dataOf } from "./client";
import { forgetDeleted } from "./deletions";
import { firstPages, type Pages } from "./pages";
import { keys } from "./queries";

/** The filters of the gallery. */
export type ImageFilters = Pick<NonNullable<ListImagesData["query"]>, "q" | "model" | "style" | "day" | "favourite">;

/** Images of the first page, which shows quickly, and of each further one. */
const FIRST = 24;
const LIMIT = 96;
const RENEWED_MILLISECONDS = 10_000;

function readPage(filters: ImageFilters, cursor: string | null, signal: AbortSignal) {
  const query = { ...filters, limit: cursor ? LIMIT : FIRST, ...(cursor && { cursor }) };
  return dataOf(listImages({ client: api(), query, signal }));
}

/** The gallery, page by page. A page of search results may be empty without being the last one. */
export function useImages(filters: ImageFilters) {
  const key = useSession((state) => state.key);
  const client = useQueryClient();
  useEffect(() => {
    return () => void client.setQueriesData<Pages>({ queryKey: keys.images }, (now) => now && firstPages(now));
  }, [client]);
  return useInfiniteQuery({
    queryKey: [...keys.images, filters],
    queryFn: ({ pageParam, signal }) => readPage(filters, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    enabled: key !== null,
  });
}

/** Return a function that reads the page of an image anew, because the links of its files have expired. */
export function useRenewLinks(filters: ImageFilters) {
  const client = useQueryClient();
  return async (id: string) => {
    const queryKey = [...keys.images, filters];
    const list = client.getQueryData<Pages>(queryKey);
    const at = list?.pages.findIndex(({ images }) => images.some((image) => image.id === id)) ?? -1;
    const cursor = list?.pageParams[at];
    if (cursor === undefined) return;
    const page = await client.fetchQuery({
      queryKey: keys.renewedPage(filters, cursor), // one call for all images of the page
      queryFn: ({ signal }) => readPage(filters, cursor, signal),
      staleTime: RENEWED_MILLISECONDS,
      gcTime: RENEWED_MILLISECONDS,
    });
    const renewed = new Map(page.images.map((image) => [image.id, image]));
    client.setQueryData<Pages>(
      queryKey,
      (now) =>
        now && {
          ...now,
          pages: now.pages.map(({ images, ...rest }) => ({
            ...rest,
            images: images.map((image) => renewed.get(image.id) ?? image),
          })),
        },
    );
  };
}

export function imageQuery(id: string) {
  return queryOptions({
    queryKey: keys.image(id),
    queryFn: ({ signal }) => dataOf(showImage({ client: api(), path: { image_id: id }, signal })),
    staleTime: 5 * 60_000,
  });
}

export function useImage(id: string) {
  const key = useSession((state) => state.key);
  return useQuery({ ...imageQuery(id), enabled: key !== null });
}

/** Mark or unmark a favourite. The change shows immediately and is rolled back if the API rejects it. */
export function useFavourite() {
  const client = useQueryClient();
  const show = (id: string, favourite: boolean) => {
    client.setQueriesData<Pages>({ queryKey: keys.images }, (pages) => changed(pages, id, favourite));
    client.setQueryData<ImageView>(keys.image(id), (image) => image && { ...image, favourite });
  };
  return useMutation({
    mutationFn: ({ id, favourite }: { id: string; favourite: boolean }) => {
      const options = { client: api(), path: { image_id: id } };
      return favourite ? setFavourite(options) : unsetFavourite(options);
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

/** Delete an image permanently, also from this browser. */
export function useDeleteImage() {
  const client = useQueryClient();
  return useMutation({
    // `keepalive` lets the request finish while the page is being closed.
    mutationFn: ({ id }: ImageView) => deleteImage({ client: api(), path: { image_id: id }, keepalive: true }),
    onMutate: ({ id }) => void deleteCachedFiles(useSession.getState().imageCache, id),
    onSuccess: (_nothing, { id }) => forgetDeleted(client, id), // a page may have loaded it again in the meantime
  });
}

export function useShares(id: string) {
  return useQuery({
    queryKey: keys.shares(id),
    queryFn: async ({ signal }) => (await dataOf(listShares({ client: api(), path: { image_id: id }, signal }))).shares,
  });
}

export function useCreateShare(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (expires_in_seconds: number) =>
      dataOf(createShare({ client: api(), path: { image_id: id }, body: { expires_in_seconds } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.shares(id) }),
  });
}

export function useRevokeShare(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (share_id: string) => revokeShare({ client: api(), path: { image_id: id, share_id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.shares(id) }),
  });
}
