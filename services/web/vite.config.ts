import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Connect, Plugin } from "vite";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";

const CLIENT = fileURLToPath(new URL("../../clients/typescript/src", import.meta.url));

/** The part of the content security policy that is known here. The hosts of the API, socket and images are known only at deployment: the CDN's header names them. */
const POLICY = [
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "child-src 'none'",
  "media-src 'none'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Add the policy to the built page only: Vite's development client needs inline scripts. */
function contentSecurityPolicy(): Plugin {
  return {
    name: "content-security-policy",
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: POLICY },
        injectTo: "head-prepend",
      },
    ],
  };
}

/** During development, serve the API of GENAI_IMAGES_API_URL, or of the stack started by `make run`. */
function localStack(): Plugin {
  const serveConfig: Connect.NextHandleFunction = (_request, response, next) => {
    try {
      const local = () => JSON.parse(readFileSync(new URL("../../.local/state.json", import.meta.url), "utf8"));
      const apiUrl = process.env.GENAI_IMAGES_API_URL || local().api_url;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ apiUrl }));
    } catch {
      next();
    }
  };
  return {
    name: "local-stack",
    configureServer: (server) => void server.middlewares.use("/config.json", serveConfig),
    configurePreviewServer: (server) => void server.middlewares.use("/config.json", serveConfig),
  };
}

export default defineConfig({
  plugins: [
    localStack(),
    react(),
    tailwindcss(),
    contentSecurityPolicy(),
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src/worker",
      filename: "sw.ts",
      injectRegister: false,
      injectManifest: {
        globPatterns: ["**/*.{js,css,html,svg,png,webmanifest}", "assets/*latin-*.woff2"],
        globIgnores: ["**/*-{latin-ext,cyrillic,greek,vietnamese}*.woff2", "sw.js"],
      },
      manifest: {
        name: "GenAI Image Generator",
        short_name: "Images",
        description: "Describe an image and follow every step: generated, checked, stored.",
        start_url: "/",
        display: "standalone",
        background_color: "#141416",
        theme_color: "#141416",
        icons: [
          { src: "/icon-192.png", sizes: "192x192", type: "image/png" },
          { src: "/icon-512.png", sizes: "512x512", type: "image/png" },
          { src: "/icon-maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
        ],
      },
    }),
  ],
  resolve: {
    alias: {
      "@": fileURLToPath(new URL("./src", import.meta.url)),
      // From its sources, so that the app needs no build of it.
      "genai-images-client": `${CLIENT}/index.ts`,
    },
  },
  server: { fs: { allow: [".", CLIENT] } },
  build: { target: ["chrome123", "firefox120", "safari17.5"], assetsInlineLimit: 0, manifest: true },
  test: {
    environment: "jsdom",
    setupFiles: ["tests/setup.ts"],
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 15_000,
  },
});
