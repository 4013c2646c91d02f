import { useMutation } from "@tanstack/react-query";
import { verifyFile } from "genai-images-client";
import { api, dataOf } from "./client";

/** The most that the API accepts, in bytes. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;

export const FILE_TYPES = ["image/png", "image/jpeg", "image/webp"];

/** Send a file to the API, which checks its Content Credentials and does not store it. */
export function useVerification() {
  return useMutation({
    // Offline, it fails at once: a file is not kept until the connection is back.
    networkMode: "always",
    mutationFn: (file: File) => dataOf(verifyFile({ client: api(), body: file })),
  });
}
