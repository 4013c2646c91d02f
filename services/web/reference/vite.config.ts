import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// The reference is built on its own, so that the app shares no file with it and never loads or caches its library.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/reference/",
  publicDir: false,
  build: {
    target: ["chrome123", "firefox120", "safari17.5"],
    outDir: "../dist/reference",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2_000, // the library
  },
});
