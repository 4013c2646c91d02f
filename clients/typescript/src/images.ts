import { ApiError } from "./errors.ts";
import type { FileView, Image, ImageView } from "./generated/types.gen.ts";
import { withRetries } from "./retries.ts";

const get = withRetries((request) => fetch(request), { retries: 4, timeoutMs: 60_000 });

/**
 * Download an image: the original of an image of a request or of the gallery, or one of its files.
 *
 * URLs of images are valid for minutes: read the request or the image again if they have expired. Throws an `ApiError`.
 */
export async function download(
  image: Image | ImageView | FileView,
  { signal = null }: { signal?: AbortSignal | null } = {},
): Promise<Blob> {
  const url = "original" in image ? image.original.url : image.url;
  if (!url) throw new ApiError({ status: 0, code: "deleted", title: "The image was deleted and has no file" });
  try {
    const response = await get(url, { signal });
    if (response.ok) return await response.blob();
    throw ApiError.from(null, response);
  } catch (error) {
    throw error instanceof ApiError || signal?.aborted ? error : ApiError.from(error, undefined);
  }
}
